"""The one console, and progress bars that vanish when nobody watches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True)


@contextmanager
def progress_bar(label: str, total: float | None) -> Iterator["Bar"]:
    """Show a bar with an ETA on standard error while the block runs; silent when it is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield Bar(progress, label, total)


class Bar:
    """A row of the progress display."""

    def __init__(self, progress: Progress, label: str, total: float | None):
        self._progress, self._label = progress, label
        self._task = progress.add_task(label, total=total)

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Move on by `amount` and show `note` behind the label."""
        self._progress.update(self._task, advance=amount, description=f"{self._label} {note}".rstrip())
