"""Sequences to be continued: cut into segments that follow each other, every step asked for once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bicameral.data.dataset import Dataset, Fault, Part, Stored
from bicameral.data.preprocessing.text import WORD
from bicameral.data.split.duplicates import digest
from bicameral.errors import DataError

Unit = Literal["characters", "words"]
BORDERS: dict[Part, tuple[float, float]] = {"train": (0, 0.9), "val": (0.9, 0.95), "test": (0.95, 1)}
MANY = 10  # from so many sequences on whole ones are held out, not the end of each


@dataclass(frozen=True)
class Continuations(Stored):
    """Targets that stand in the items themselves: after each step of a row comes the next.

    A row reads the steps from `begin` to before `end` of its sequence, and is asked for those one later.
    """

    sequence: np.ndarray  # (n,) number of the sequence a row is a segment of
    begin: np.ndarray
    end: np.ndarray

    ndim = 1

    @property
    def shape(self) -> tuple[int]:
        """Rows."""
        return (len(self),)

    def __len__(self) -> int:
        return len(self.sequence)

    def __getitem__(self, rows: Any) -> "Continuations":
        return Continuations(self.sequence[rows], self.begin[rows], self.end[rows])

    def continues(self) -> np.ndarray:
        """Whether each row begins where the row before it ends (n,)."""
        same = (self.sequence[1:] == self.sequence[:-1]) & (self.begin[1:] == self.end[:-1])
        return np.concatenate([[False], same])[: len(self)]

    def contents(self) -> Iterator[Any]:
        yield from (self.sequence, self.begin, self.end)


class Slices(Stored, Sequence[Any]):
    """A piece of a longer item each, cut on access."""

    def __init__(self, items: Sequence[Any], places: np.ndarray):
        self.items, self.places = items, places  # (n, 3): item, first, last + 1

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        item, first, end = self.places[index]
        return self.items[item][first:end]

    def contents(self) -> Iterator[Any]:
        yield from (self.items, self.places)


def continued(dataset: Dataset) -> Dataset:
    """The question what comes next, put to texts, to clips or to series of values that are on or off."""
    if dataset.kind == "clip":
        return replace(
            dataset, targets=None, classes=()
        )  # windows are cut from it, as from series to forecast
    if dataset.kind not in ("text", "series"):
        raise DataError(
            f"{dataset.name} is {dataset.kind} data; only texts and series, and clips, are continued"
        )
    if dataset.kind == "series" and not all(_is_binary(item) for item in dataset.items):
        raise DataError(
            f"{dataset.name} holds values other than 0 and 1; the next frame is asked of what is on or off; "
            "numbers are forecast (horizon, lookback)"
        )
    whole = Continuations(np.arange(len(dataset)), *np.zeros((2, len(dataset)), int))
    content = np.array([digest(item) for item in dataset.items])  # tells one text from another
    return replace(dataset, targets=whole, classes=(), target_columns=(), properties={"content": content})


def is_continued(dataset: Dataset) -> bool:
    """Whether the next step is what is asked for."""
    return isinstance(dataset.targets, Continuations)


def segments(dataset: Dataset, *, context: int, unit: Unit = "characters") -> Dataset:
    """Cut every sequence into segments of `context` steps.

    Many sequences, or those with groups or a split of their own, are held out whole; of a few, the first 90 %
    are for training, then 5 % for validation, the last 5 % for the test.
    """
    items = [item.lower() for item in dataset.items] if unit == "words" else dataset.items
    cuts, keys = [_cuts(item, unit) for item in items], np.array([str(key) for key in dataset.ids])
    short = np.array([len(cut) < 3 for cut in cuts])
    whole = dataset.groups is not None or dataset.split is not None or len(items) >= MANY
    found = [row for number, cut in enumerate(cuts) for row in _rows(number, len(cut) - 1, context, whole)]
    if not found:
        raise DataError(f"no sequence of {dataset.name} has two steps, so that one could follow the other")
    sequence, begin, end, part = (np.array(column) for column in zip(*found, strict=True))
    places = np.array([(row, cuts[row][first], cuts[row][last + 1]) for row, first, last, _ in found])
    ids = keys[sequence]
    size = np.array([len(cut) for cut in cuts])[sequence]
    faults = [Fault(str(key), "nothing follows its first step") for key in keys[short]]
    return replace(
        dataset,
        items=Slices(items, places),
        targets=Continuations(sequence, begin, end),
        ids=[f"{key}:{first}" for key, first in zip(ids, begin, strict=True)],
        groups=(ids if dataset.groups is None else dataset.groups[sequence]) if whole else None,
        split=part if not whole else None if dataset.split is None else dataset.split[sequence],
        times=None,
        properties={} if whole else {"begin": begin / size, "end": (end - 1) / size},
        faults=(*dataset.faults, *faults),
    )


def runs(targets: Continuations, rows: np.ndarray, most: int | None = None) -> list[np.ndarray]:
    """Places in `rows` of segments that follow each other without a gap.

    most  after so many a run is cut, where a segment as long as any stands before the cut
    """
    size = (targets.end - targets.begin)[rows]
    cuts, begun = [], 0
    for place, goes_on in enumerate(targets[rows].continues().tolist()):
        if not goes_on or (most is not None and place - begun >= most and size[place - 1] == size.max()):
            cuts.append(place)
            begun = place
    return np.split(np.arange(len(rows)), cuts[1:])


def _is_binary(item: np.ndarray) -> bool:
    return bool(np.isin(item, (0, 1)).all())


def _cuts(item: Any, unit: Unit) -> np.ndarray:
    """Where each step of an item begins, and where the last one ends."""
    if unit == "characters" or not isinstance(item, str):
        return np.arange(len(item) + 1)
    return np.array([*(word.start() for word in WORD.finditer(item)), len(item)])


def _rows(number: int, steps: int, context: int, whole: bool) -> Iterator[tuple[int, int, int, str]]:
    """Sequence, begin, end and part of each segment; the last step has nothing after it.

    The first one of a part is the short one, so that what stands before the next part is whole.
    """
    for part, (low, high) in ({"": (0, 1)} if whole else BORDERS).items():
        first, last = int(low * steps), min(int(high * steps), steps - 1)
        for end in reversed(range(last, first, -context)):
            yield number, max(first, end - context), end, part
