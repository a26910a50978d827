"""The one console; progress bars for who watches, a line a minute for who reads it later."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True)
QUIET = 60.0  # seconds between two lines where nobody watches


@contextmanager
def progress_bar(label: str, total: float | None) -> Iterator["Bar"]:
    """Show a bar with an ETA while the block runs: on a terminal, in a notebook, else as a line a minute."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    watched = sys.stderr.isatty() or console.is_jupyter
    with Progress(*columns, console=console, transient=True, disable=not watched) as progress:
        yield Row(progress, label, total) if watched else Log(label, total)


class Bar(ABC):
    """What work reports to, whoever watches."""

    @abstractmethod
    def advance(self, amount: float = 1, note: str = "") -> None:
        """Move on by `amount` and show `note` behind the label."""


class Row(Bar):
    """A row of the progress display."""

    def __init__(self, progress: Progress, label: str, total: float | None):
        self._progress, self._label = progress, label
        self._task = progress.add_task(label, total=total)

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Move on by `amount` and show `note` behind the label."""
        self._progress.update(self._task, advance=amount, description=f"{self._label} {note}".rstrip())


class Log(Bar):
    """Lines on standard error, as a file or a pipe keeps them; none for work of less than a minute."""

    def __init__(self, label: str, total: float | None):
        self._label, self._total, self._done = label, total, 0.0
        self._began = self._said = time.monotonic()

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Move on by `amount`; say so where the last line is a minute old."""
        self._done += amount
        now = time.monotonic()
        if now - self._said >= QUIET:
            self._said = now
            print(self._line(now - self._began, note), file=sys.stderr, flush=True)  # noqa: T201

    def _line(self, seconds: float, note: str) -> str:
        said = f"{self._label} {note}".rstrip() + f": {self._done:,.0f}"
        if not self._total or not self._done:
            return f"{said} after {seconds / 60:.0f} min"
        left = seconds * (self._total - self._done) / self._done
        spent, left = seconds / 60, max(left, 0) / 60
        return f"{said} of {self._total:,.0f} after {spent:.0f} min, about {left:.0f} min left"
