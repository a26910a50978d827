"""What a file may unfold to before somebody is asked, so that a slip does not take all memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bicameral.errors import DataError

LIFT = "pass limits=false if that is meant"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on single files, cells and pictures; none where `lifted`."""

    lifted: bool = False
    unpacked: int = 2**28  # bytes that a packed file may always unfold to
    ratio: int = 100  # times its packed size, where it is more than that
    cell: int = 1_000_000  # characters in one cell of a table
    spread: int = 50  # cells of JSON lines, of which one is filled
    pixels: int = 64_000_000  # of one picture
    samples: int = 200_000_000  # of one sound, all channels
    rate: int = 1_000_000  # samples a second

    def check(self, name: str, what: str, amount: float, most: float) -> None:
        """Refuse what is above a bound, saying which, and how to lift it."""
        if not self.lifted and amount > most:
            raise DataError(f"{name} {what.format(f'{amount:,.0f}')}, more than {most:,.0f}; {LIFT}")

    def check_unpacked(self, name: str, packed: int, unpacked: int) -> None:
        """Refuse a packed file that is far larger than it looks."""
        most = max(self.unpacked, self.ratio * packed)
        self.check(name, "unfolds to {} bytes", unpacked, most)


_LIMITS: ContextVar[Limits | None] = ContextVar("limits", default=None)
_USUAL = Limits()


def limits() -> Limits:
    """Return the bounds of the read that goes on."""
    return _LIMITS.get() or _USUAL


@contextmanager
def lifted(asked: bool) -> Iterator[None]:
    """Read without bounds where that is asked for."""
    token = _LIMITS.set(Limits(lifted=asked))
    try:
        yield
    finally:
        _LIMITS.reset(token)
