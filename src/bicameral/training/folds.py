"""Which training examples are left out together: whole groups, runs of windows, classes in proportion."""

import numpy as np
import torch
from jaxtyping import Int

from bicameral.data.batches.prepared import Prepared
from bicameral.tasks import Task

NUM_FOLDS = 5


def folds(task: Task, train: Prepared, *, count: int = NUM_FOLDS, seed: int = 0) -> Int[np.ndarray, " n"]:
    """Return a fold for each example; fewer than `count` where there are fewer groups or examples."""
    groups, classes = groups_of(task, train), _classes(task, train)
    if task.overlapping:
        return np.arange(len(train)) * count // len(train)  # neighbouring windows share values
    if groups is None:
        order = np.lexsort((np.random.default_rng(seed).permutation(len(train)), classes))
        found = np.empty(len(train), np.int64)
        found[order] = np.arange(len(train)) % count
        return found
    return _balanced(groups, classes, min(count, len(np.unique(groups))), seed)[groups]


def left_out_together(task: Task, train: Prepared) -> Int[np.ndarray, " n"] | None:
    """Return the groups of the examples, or runs of windows; None where each example stands alone."""
    return folds(task, train) if task.overlapping else groups_of(task, train)


def groups_of(task: Task, train: Prepared) -> Int[np.ndarray, " n"] | None:
    """Return the number of each example's group; None where there are none, or one holds all of a class."""
    if train.dataset.groups is None or task.overlapping:
        return None
    _, groups = np.unique(train.dataset.groups[train.index.numpy()], return_inverse=True)
    classes = _classes(task, train)
    least = min(len(np.unique(groups[classes == label])) for label in np.unique(classes))
    return groups if least > 1 else None


def _classes(task: Task, train: Prepared) -> Int[np.ndarray, " n"]:
    y = train.targets if isinstance(train.targets, torch.Tensor) else torch.zeros(len(train))
    return task.strata(y).numpy()


def _balanced(groups: np.ndarray, classes: np.ndarray, count: int, seed: int) -> Int[np.ndarray, " g"]:
    """Give the largest groups first, each to the fold that has least of its classes."""
    table = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(table, (groups, classes), 1)
    shuffled = np.random.default_rng(seed).permutation(len(table))
    order = shuffled[np.argsort(-table[shuffled].sum(1), kind="stable")]
    filled, found = np.zeros((count, table.shape[1])), np.empty(len(table), np.int64)
    for group in order:
        found[group] = np.lexsort((filled.sum(1), filled @ table[group]))[0]
        filled[found[group]] += table[group]
    return found
