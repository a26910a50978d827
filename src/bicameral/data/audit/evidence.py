"""What the checks look at: every example is decoded once and reduced to a few numbers."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bicameral.data.audit.neighbours import close_pairs
from bicameral.data.audit.signature import agreeing, signature
from bicameral.data.audit.wording import close_texts
from bicameral.data.dataset import Dataset, Part
from bicameral.data.split.duplicates import digest

PARTS: tuple[Part, ...] = ("train", "val", "test")
SUMMARY = ("mean", "deviation", "lowest", "highest", "first", "last", "missing")


class Prints(NamedTuple):
    """One row an example."""

    digests: np.ndarray  # (n,) uint64 hash of the decoded content
    signatures: np.ndarray | None  # (n, k) unit vectors of the coarse shape; None for text
    summaries: np.ndarray | None  # (n, channels, len(SUMMARY)); channels of a series, else one


class Evidence:
    """A data set, its split, and what one pass over the decoded examples left behind."""

    def __init__(self, dataset: Dataset, split: np.ndarray | None):
        self.dataset = dataset
        self.split = None if split is None else np.asarray(split).astype(str)
        assert self.split is None or len(self.split) == len(dataset), "one part per example"

    @cached_property
    def parts(self) -> dict[Part, np.ndarray]:
        """Rows of every part that holds any."""
        if self.split is None:
            return {}
        rows: dict[Part, np.ndarray] = {part: np.flatnonzero(self.split == part) for part in PARTS}
        return {part: found for part, found in rows.items() if len(found)}

    @property
    def train(self) -> np.ndarray:
        """Rows of the training part; all of them where nothing is split."""
        return self.parts.get("train", np.arange(len(self.dataset)))

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels of a series."""
        return self.dataset.columns or tuple(f"channel {j}" for j in range(self.dataset.items[0].shape[1]))

    @property
    def judged(self) -> Part:
        """The part that judges: test, or val where only that is published."""
        return "test" if "test" in self.parts else "val"

    def harmed(self, rows: np.ndarray) -> float:
        """The share of the judging part that is among these rows."""
        judged = self.parts.get(self.judged, np.empty(0, int))
        return float(np.isin(judged, rows).mean()) if len(judged) else 0.0

    @property
    def windowed(self) -> bool:
        """Whether examples are look-backs of series or clips: they overlap, and groups are series."""
        return self.dataset.targets is not None and np.ndim(self.dataset.targets) >= 3

    @cached_property
    def one_step(self) -> bool:
        """Whether examples are features: series of one step each, constant by nature."""
        return self.dataset.kind == "series" and all(len(item) == 1 for item in self.dataset.items)

    @cached_property
    def labels(self) -> np.ndarray | None:
        """Class indices (n,), or None where examples have no single class."""
        targets = self.dataset.targets
        single = len(self.dataset.classes) > 0 and targets is not None and np.ndim(targets) == 1
        return np.asarray(targets) if single else None

    @cached_property
    def prints(self) -> Prints:
        """Digest, signature and summary of every example."""
        rows = [_print_of(item, self.dataset.kind) for item in self.dataset.items]
        digests, signatures, summaries = zip(*rows, strict=True)
        return Prints(np.array(digests, np.uint64), _stack(signatures), _stack(summaries))

    @cached_property
    def copies(self) -> np.ndarray:
        """Pairs (m, 2) of identical examples: each with its first occurrence in every part."""
        if self.windowed:
            return np.empty((0, 2), int)
        _, content, counts = np.unique(self.prints.digests, return_inverse=True, return_counts=True)
        firsts: dict[tuple[int, str], int] = {}
        pairs = []
        for row in np.flatnonzero(counts[content] > 1).tolist():
            seen = [firsts.get((content[row], part)) for part in ("", *self.parts)]
            pairs += [(first, row) for first in seen if first is not None]
            firsts.setdefault((content[row], self.part(row)), row)
        return np.array(pairs, int).reshape(-1, 2)

    @cached_property
    def near_copies(self) -> np.ndarray | None:
        """Pairs (m, 2) of nearly identical examples; None where they cannot be compared."""
        if self.windowed:
            return np.empty((0, 2), int)
        if self.dataset.kind == "text":
            return close_texts(list(self.dataset.items), self.prints.digests)
        signatures = self.prints.signatures
        if signatures is None:
            return None
        pairs = close_pairs(signatures, self.prints.digests)
        return agreeing(self.dataset.items, pairs) if self.dataset.kind == "series" else pairs

    def name(self, row: int) -> str:
        """Return the file or row name of an example."""
        return str(self.dataset.ids[row]) if len(self.dataset.ids) else f"row {row}"

    def names(self, rows: Sequence[int] | np.ndarray) -> tuple[str, ...]:
        """Return the names of several examples."""
        return tuple(self.name(int(row)) for row in rows)

    def part(self, row: int) -> str:
        """Return the part an example lies in, or nothing."""
        return "" if self.split is None else str(self.split[row])

    def pair(self, a: int, b: int) -> str:
        """Name two examples and the parts they lie in."""
        first, second = (f"{self.name(row)} ({self.part(row) or 'unsplit'})" for row in (a, b))
        return f"{first} = {second}"


def _print_of(item: Any, kind: str) -> tuple[int, np.ndarray | None, np.ndarray | None]:
    if kind == "text":
        return digest(item), None, None
    item = np.ascontiguousarray(item)
    series = item if kind == "series" else item.reshape(-1, 1)
    return digest(item), signature(item, kind), _summary(series)


def _summary(series: np.ndarray) -> np.ndarray:
    """Summarise each channel of (t, d); an integer array has nothing missing."""
    values = series if series.dtype.kind == "f" else series.astype(np.float32)
    missing = ~np.isfinite(values)
    if missing.any():
        return np.stack([_channel(values[:, j], missing[:, j]) for j in range(values.shape[1])])
    mean, low, high = values.mean(0, dtype=np.float64), values.min(0), values.max(0)
    deviation = np.where(low == high, 0.0, values.std(0, dtype=np.float64))
    return np.stack([mean, deviation, low, high, values[0], values[-1], np.zeros_like(mean)], axis=1)


def _channel(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    seen = values[~missing].astype(np.float64)
    if not len(seen):
        return np.array([0, 0, 0, 0, 0, 0, 1.0])
    facts = [seen.mean(), seen.std(), seen.min(), seen.max(), seen[0], seen[-1], missing.mean()]
    return np.array(facts)


def _stack(rows: tuple[np.ndarray | None, ...]) -> np.ndarray | None:
    """Stack what every example has; examples that differ in channels cannot be compared so."""
    known = [row for row in rows if row is not None]
    alike = len(known) == len(rows) and len({row.shape for row in known}) == 1
    return np.stack(known) if alike else None
