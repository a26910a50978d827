"""What every reader returns: examples of one kind with their labels, groups, split and faults."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from torch import Tensor

from bicameral.errors import DataError

Kind = Literal["image", "clip", "sound", "text", "series"]
Part = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Fault:
    """One quarantined file or row."""

    where: str  # the file, or file:row
    what: str  # one clause: "truncated picture (12034 of 40960 bytes)"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples of one kind. Items are decoded when asked for, never before.

    items    image (c h w), clip (t c h w), sound (n,) mono, text str, series (t d) with NaN for missing
    targets  int64 (n,) classes | uint8 (n k) several labels | float32 (n,) or (n k) | None: to come
    """

    name: str
    kind: Kind
    items: Sequence[Any]
    targets: Any = None
    ids: Sequence[str] = ()  # file name or row name of each example
    classes: tuple[str, ...] = ()
    groups: np.ndarray | None = None  # (n,) the unit that may not cross a split: speaker, subject, file
    split: np.ndarray | None = None  # (n,) of "train" "val" "test", where the data brings one
    times: Sequence[np.ndarray] | None = None  # series: the time stamps of each item
    columns: tuple[str, ...] = ()  # series: channel names
    target_columns: tuple[str, ...] = ()  # regression and forecasting: names of what is predicted
    rate: float | None = None  # sound: samples a second; clip: frames a second
    properties: Mapping[str, np.ndarray] = field(default_factory=dict)  # (n,) facts: bytes, height
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        given = {"targets": self.targets, "groups": self.groups, "split": self.split, "times": self.times}
        for name, values in {**given, **self.properties, "ids": self.ids if len(self.ids) else None}.items():
            if values is not None and len(values) != len(self.items):
                counts = f"{len(self.items)} examples and {len(values)} {name}"
                raise DataError(f"{self.name} has {counts}; expected one an example")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_several_labels(self) -> bool:
        """Whether an example may have any number of classes: labels are a table (n k) of 0 and 1."""
        return bool(self.classes) and np.ndim(self.targets) == 2

    def subset(self, rows: np.ndarray) -> "Dataset":
        """Return the examples `rows`, in that order; faults stay with the whole."""
        rows = np.asarray(rows)
        return replace(
            self,
            items=Rows(self.items, rows),
            targets=None if self.targets is None else self.targets[rows],
            ids=[self.ids[row] for row in rows] if len(self.ids) else (),
            groups=None if self.groups is None else self.groups[rows],
            split=None if self.split is None else self.split[rows],
            times=None if self.times is None else [self.times[row] for row in rows],
            properties={name: values[rows] for name, values in self.properties.items()},
        )


class Stored(ABC):
    """Values that are computed from others, when asked for."""

    @abstractmethod
    def contents(self) -> Iterator[Any]:
        """Yield what decides the values, as it is stored: bytes of files, whole arrays, numbers."""


class Rows(Stored, Sequence[Any]):
    """Some rows of lazily decoded items, still lazy."""

    def __init__(self, items: Sequence[Any], rows: np.ndarray):
        self.items, self.rows = items, np.asarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.items[int(self.rows[index])]

    def contents(self) -> Iterator[Any]:
        yield from (self.items, self.rows)


@dataclass(frozen=True)
class Layout:
    """The prepared example a network receives.

    shape  image (c h w), clip (t c h w), sound (t m), series (t d), text (t,); t is the longest in training
    """

    kind: Kind
    shape: tuple[int, ...]
    vocabulary: int = 0  # text: number of tokens, padding and unknown included


class Batch(NamedTuple):
    """Prepared examples, padded to the longest of them."""

    x: Tensor
    y: Tensor | None
    lengths: Tensor | None  # (b,) valid frames a row; None where every row is whole
    index: Tensor  # (b,) rows of the dataset  # pyright: ignore[reportIncompatibleMethodOverride]
