"""Decoded items kept in memory, so that auditing, probing and redrawing decode each file once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bicameral.data.dataset import Dataset, Stored


class Cached(Stored, Sequence[Any]):
    """Items of another sequence, kept once decoded for as long as all of them fit `memory` bytes."""

    def __init__(self, items: Sequence[Any], memory: int):
        self.items, self.free = items, memory
        self.kept: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        row = int(index)
        if (item := self.kept.get(row)) is None:
            item = self.items[row]
            size = getattr(item, "nbytes", len(item))
            if size <= self.free:
                self.free -= size
                self.kept[row] = item
        return item

    def contents(self) -> Iterator[Any]:
        yield self.items


def cached(dataset: Dataset, memory: int = 2**30) -> Dataset:
    """The same data set, its decoded items kept."""
    return replace(dataset, items=Cached(dataset.items, memory))
