"""Folds of what is not sealed: a repetition judges every example once, of a series what follows the origin.

Groups stay whole, classes keep their proportions, and a forecast is judged on what comes after its training.
"""

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.split import splits
from bicameral.errors import DataError

VAL = 0.2  # of what a fold leaves for training: early stopping and tuning look there
WINDOW = 0.64  # of the time: the part before the first block that is judged, and the length of all such parts
JITTER = 0.25  # of a block, by which the origins of another repetition are moved
LEAST_HORIZONS = 2  # a judged block of time holds as many at least


def most_folds(dataset: Dataset, rows: np.ndarray, asked: int) -> int:
    """Return how many folds the rows bear, at most `asked`: each is to have a group, or a few horizons."""
    if splits.is_forecast(dataset):
        begin, end = splits.times(dataset, rows)
        step = np.diff(np.unique(begin)).min(initial=np.inf)
        horizon = float(np.median(end - begin)) + (step if np.isfinite(step) else 0.0)
        block = (1 - WINDOW) * (end.max() - begin.min())
        return int(np.clip(block / max(LEAST_HORIZONS * horizon, 1e-12), 1, asked))
    units = len(rows) if dataset.groups is None else len(np.unique(dataset.groups[rows]))
    return max(2, min(asked, units))


def fold(
    dataset: Dataset, rows: np.ndarray, *, number: int, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divide the rows that are not sealed into (train, val, judged) for one fold of a repetition.

    seed  of the repetition: its folds 0 .. folds - 1 are judged on disjoint rows
    """
    rows = np.sort(rows)
    rng = np.random.default_rng(seed)
    if splits.is_forecast(dataset):
        return _rolled(dataset, rows, number, folds, rng)
    of_row = _dealt(dataset, rows, folds, rng)
    judged, rest = rows[of_row == number], rows[of_row != number]
    if not len(judged) or not len(rest):
        raise DataError(f"{len(rows)} examples of {dataset.name} cannot be divided into {folds} folds")
    train, val = splits.draw(dataset, rest, VAL, seed + 1 + number)
    return train, val, judged


def _dealt(dataset: Dataset, rows: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal every row to a fold (n,)."""
    if dataset.groups is not None:
        return _dealt_groups(dataset, rows, folds, rng)
    order = rng.permutation(len(rows))
    if dataset.classes and dataset.targets.ndim == 1:
        order = order[np.argsort(dataset.targets[rows][order], kind="stable")]
    return _round_robin(order, folds, rng)


def _round_robin(order: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    of_row = np.empty(len(order), int)
    of_row[order] = rng.permutation(folds)[np.arange(len(order)) % folds]
    return of_row


def _dealt_groups(dataset: Dataset, rows: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal whole groups: large ones to where their classes are rarest so far, then lone examples in turn."""
    assert dataset.groups is not None
    names, member = np.unique(dataset.groups[rows], return_inverse=True)
    if len(names) < folds:
        raise DataError(splits.undivided(dataset, rows))
    sizes = np.bincount(member)
    counts = np.hstack([splits.class_counts(dataset, rows, member, len(names)), sizes[:, None]])
    of_group = _balanced(counts, np.flatnonzero((sizes > 1) | (len(names) < 4 * folds)), folds, rng)
    single = rng.permutation(np.flatnonzero(of_group < 0))
    single = single[np.argsort(counts[single, :-1].argmax(axis=1), kind="stable")]
    of_group[single] = _round_robin(np.arange(len(single)), folds, rng)
    return of_group[member]


def _balanced(counts: np.ndarray, groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Give each of `groups`, largest first, to the fold with least of what it brings; -1 for the others."""
    of_group, filled = np.full(len(counts), -1), np.zeros((folds, counts.shape[1]))
    weights = 1 / np.maximum(counts.sum(axis=0), 1) ** 2
    groups = rng.permutation(groups)
    for group in groups[np.argsort(-counts[groups, -1], kind="stable")]:
        least = int(np.argmin(filled @ (weights * counts[group])))
        of_group[group] = least
        filled[least] += counts[group]
    return rng.permutation(folds)[of_group] * (of_group >= 0) - (of_group < 0)


def _rolled(
    dataset: Dataset, rows: np.ndarray, number: int, folds: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Judge one block after a part of fixed length; windows across a border are in none."""
    begin, end = splits.times(dataset, rows)
    whole, first = end.max() - begin.min(), begin.min()
    block = (1 - WINDOW) / folds
    moved = JITTER * block * rng.uniform(-1, 1)
    inner = [WINDOW + block * count + moved for count in range(1, folds)]
    borders = np.array([WINDOW, *inner, 1 + 1e-9])  # the last window ends on the last border
    low, high = first + whole * borders[number], first + whole * borders[number + 1]
    start = low - WINDOW * whole
    cut = low - max(VAL * WINDOW * whole, LEAST_HORIZONS * (end - begin).max())
    spans = ((start, cut), (cut, low), (low, high))
    train, val, judged = (rows[(begin >= left) & (end < right)] for left, right in spans)
    splits.check_sizes(dataset, train, val, judged)
    return train, val, judged
