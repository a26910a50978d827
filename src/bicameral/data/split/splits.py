"""Parts that do not leak: published, by group, by recording, by time, or stratified at random."""

from dataclasses import dataclass

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.data.split.duplicates import digest
from bicameral.errors import DataError

FRACTIONS = (0.6, 0.2, 0.2)
TRIES = 32  # random orders of the groups, of which the one that keeps the classes in proportion is taken
MANY = 10  # recordings of clips: from here on whole ones are drawn, below each is cut in time


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows of the three parts; windows that would share a value across a border are in none."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    how: str  # "published" "grouped" "by recording" "by time" "stratified" "random"


def split(dataset: Dataset, *, seed: int, fractions: tuple[float, float, float] = FRACTIONS) -> Split:
    """Return the published split, with val drawn from train where only a test part is, else draw one."""
    _check(dataset, fractions)
    rest, test = seal(dataset, seed=seed, test_fraction=fractions[2])
    how = _how(dataset)
    if dataset.split is not None and len(np.unique(dataset.split)) == 3:
        return Split(train=_part(dataset, "train"), val=_part(dataset, "val"), test=test, how=how)
    train, val = draw(dataset, rest, fractions[1] / (fractions[0] + fractions[1]), seed + 1)
    return Split(train=train, val=val, test=test, how=how)


def seal(dataset: Dataset, *, seed: int, test_fraction: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Return (rest, test): the rows to work with, and those that are opened once, at the end.

    A published test part is the test part; where only train and val are published, val is.
    """
    _check(dataset, (1 - test_fraction, test_fraction))
    if dataset.split is not None:
        sealed = "test" if (dataset.split == "test").any() else "val"
        return np.flatnonzero(dataset.split != sealed), _part(dataset, sealed)
    return draw(dataset, np.arange(len(dataset)), test_fraction, seed)


def _part(dataset: Dataset, part: str) -> np.ndarray:
    assert dataset.split is not None
    return np.flatnonzero(dataset.split == part)


def _how(dataset: Dataset) -> str:
    if is_continued(dataset) and "begin" in dataset.properties:
        return "by position"
    if dataset.split is not None:
        return "published"
    if is_forecast(dataset):
        return "by time"
    if _is_windowed(dataset):
        return "by recording"
    if dataset.groups is not None:
        return "grouped"
    return "stratified" if dataset.classes else "random"


def is_forecast(dataset: Dataset) -> bool:
    """Whether examples follow each other in time, so that parts are cut there."""
    return _is_windowed(dataset) and not _has_many_recordings(dataset)


def _is_windowed(dataset: Dataset) -> bool:
    if is_continued(dataset):
        return "begin" in dataset.properties  # segments of a few long texts
    return dataset.targets is not None and dataset.targets.ndim >= 3


def _has_many_recordings(dataset: Dataset) -> bool:
    return dataset.kind == "clip" and dataset.groups is not None and len(np.unique(dataset.groups)) >= MANY


def _check(dataset: Dataset, fractions: tuple[float, ...]) -> None:
    if min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise DataError(f"fractions are {fractions}; expected positive shares that add up to 1")
    if dataset.split is not None and not (dataset.split == "train").any():
        parts = " and ".join(sorted(set(dataset.split.tolist())))
        raise DataError(
            f"{dataset.name} calls every example {parts}, so that none is left to train on; bring a training "
            "part, or take the split away"
        )
    if dataset.targets is None:
        raise DataError(f"{dataset.name} is to be forecast: cut it with windows(...) before it is split")
    if dataset.classes and dataset.targets.ndim == 1 and len(np.unique(dataset.targets)) < 2:
        only = dataset.classes[int(dataset.targets[0])] if len(dataset) else "none"
        raise DataError(f"{dataset.name} has examples of one class only ({only!r}); telling apart takes two")
    if len(dataset) < len(fractions):
        raise DataError(f"{dataset.name} has {len(dataset)} examples, too few for {len(fractions)} parts")


def draw(dataset: Dataset, rows: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Take about `fraction` of the rows out; return (what stays, what was taken), both in order."""
    rng = np.random.default_rng(seed)
    if is_forecast(dataset):
        stays, taken = _later(dataset, rows, fraction)
        check_sizes(dataset, stays, taken)
        return stays, taken
    if dataset.groups is not None:
        taken = _by_group(dataset, rows, fraction, rng)
    elif dataset.classes and dataset.targets.ndim == 1:
        taken = _by_class(dataset.targets[rows], fraction, rng)
    else:
        taken = rng.permutation(len(rows))[: max(1, round(fraction * len(rows)))]
    stays = np.delete(np.arange(len(rows)), taken)
    if not len(stays) or not len(taken):
        raise DataError(f"{len(rows)} examples of {dataset.name} cannot be divided{_why_not(dataset, rows)}")
    return rows[stays], rows[np.sort(taken)]


def _why_not(dataset: Dataset, rows: np.ndarray) -> str:
    if dataset.classes and len(rows) > 2 and len(np.unique(dataset.targets[rows])) == len(rows):
        return (
            ": every one has a class of its own; is the target an identifier, or a number (answer=regress)?"
        )
    return "; more are needed"


def _by_class(classes: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Take the fraction of every class: of a class of two one, of a class of one none."""
    taken: list[np.ndarray] = []
    for label in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == label))
        # rounding at random keeps the whole in proportion when many classes are small
        count = int(fraction * len(members) + rng.random())
        taken.append(members[: min(max(count, 1), len(members) - 1)])
    return np.concatenate(taken)


def _by_group(dataset: Dataset, rows: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Take whole groups, about the fraction of the examples and of every class."""
    assert dataset.groups is not None
    names, member = np.unique(dataset.groups[rows], return_inverse=True)
    if len(names) < 2:
        raise DataError(undivided(dataset, rows))
    counts = class_counts(dataset, rows, member, len(names))
    orders = (_prefix(rng.permutation(len(names)), counts, fraction) for _ in range(TRIES))
    best = min(orders, key=lambda groups: _imbalance(counts, groups, fraction))
    return np.flatnonzero(np.isin(member, best))


def undivided(dataset: Dataset, rows: np.ndarray) -> str:
    """Say why rows of one group cannot be divided."""
    assert dataset.groups is not None
    given = f"{len(rows)} examples of {dataset.name} are to be divided"
    if len({digest(dataset.items[row]) for row in rows}) == 1:
        return f"{given}, and all are equal to the byte; bring examples that differ"
    return (
        f"{given}, and all belong to the group {str(dataset.groups[rows[0]])!r}, which may not stand in two "
        "parts; bring one group for each part at least (train, val, test), or leave the groups out if the "
        "examples do not depend on each other"
    )


def class_counts(dataset: Dataset, rows: np.ndarray, member: np.ndarray, groups: int) -> np.ndarray:
    """Return how many examples of each class a group has (groups classes)."""
    targets = dataset.targets[rows]
    if not dataset.classes:
        return np.bincount(member, minlength=groups)[:, None].astype(float)
    marks = targets if targets.ndim == 2 else np.eye(len(dataset.classes))[targets]
    counts = np.zeros((groups, marks.shape[1]))
    np.add.at(counts, member, marks)
    return counts


def _prefix(order: np.ndarray, counts: np.ndarray, fraction: float) -> np.ndarray:
    """Return as many of the first groups as come nearest to the fraction, but not none and not all."""
    sizes = counts.sum(axis=1)[order].cumsum()
    count = int(np.abs(sizes - fraction * sizes[-1]).argmin()) + 1
    return order[: min(count, len(order) - 1)]


def _imbalance(counts: np.ndarray, groups: np.ndarray, fraction: float) -> float:
    total = counts.sum(axis=0)
    share = counts[groups].sum(axis=0) / np.maximum(total, 1)
    return float(((share - fraction) ** 2)[total > 0].sum())


def times(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return when the horizon of each row begins and ends."""
    if "begin" not in dataset.properties:
        raise DataError(f"{dataset.name} has horizons and no times; cut it with windows(...)")
    return dataset.properties["begin"][rows], dataset.properties["end"][rows]


def _later(dataset: Dataset, rows: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    begin, end = times(dataset, rows)
    cut = end.max() - fraction * (end.max() - begin.min())
    stays, taken = rows[end < cut], rows[begin >= cut]
    return (stays, taken) if len(stays) and len(taken) else _last_origins(dataset, rows)


def _last_origins(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the last window of each series, where the share asked for is shorter than a horizon."""
    begin, end = times(dataset, rows)
    series = np.zeros(len(rows)) if dataset.groups is None else dataset.groups[rows]
    number = np.unique(series, return_inverse=True)[1]
    last = np.full(number.max() + 1, -np.inf)
    np.maximum.at(last, number, begin)
    return rows[end < last[number]], rows[begin == last[number]]


def check_sizes(dataset: Dataset, *parts: np.ndarray) -> None:
    """Raise DataError where a part is empty."""
    sizes = [len(part) for part in parts]
    if min(sizes) == 0:
        raise DataError(
            f"{dataset.name} is too short for its horizon: its parts would hold {sizes} windows; "
            "shorten the horizon or bring a longer series"
        )
