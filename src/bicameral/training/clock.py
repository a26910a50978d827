"""Device-seconds, and what is booked beside them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

_Item = TypeVar("_Item")


class Clock:
    """Counts seconds from its creation, without those booked on an account of their own."""

    def __init__(self, already: float = 0.0):
        self._start = perf_counter() - already
        self._aside = 0.0

    def seconds(self) -> float:
        """Seconds spent, without what was booked aside."""
        return perf_counter() - self._start - self._aside

    @contextmanager
    def aside(self) -> Iterator[list[float]]:
        """Stop the clock during the block; the list given holds its seconds afterwards."""
        before, cost = perf_counter(), [0.0]
        try:
            yield cost
        finally:
            cost[0] = perf_counter() - before
            self._aside += cost[0]

    def waiting(self, batches: Iterable[_Item]) -> Iterator[tuple[_Item, float]]:
        """Give each batch with the seconds it was waited for, which the clock does not count."""
        iterator = iter(batches)
        while True:
            before = perf_counter()
            batch = next(iterator, None)
            cost = perf_counter() - before
            self._aside += cost
            if batch is None:
                return
            yield batch, cost
