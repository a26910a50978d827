"""Data that come after training, seen as the task saw its training data: cut alike, classes in its order."""

from dataclasses import replace

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.windows import windows
from bicameral.errors import DataError, nearest
from bicameral.tasks.classify import Classify, MultiLabel
from bicameral.tasks.forecast import Forecast
from bicameral.tasks.task import Task


def to_answer(task: Task, dataset: Dataset) -> Dataset:
    """The examples to answer; of a series to be forecast, the look-back at its end."""
    if not isinstance(task, Forecast) or dataset.targets is not None:
        return dataset
    shortest = min(len(item) for item in dataset.items)
    if shortest < task.lookback:
        raise DataError(
            f"a series of {dataset.name} has {shortest} steps; a forecast looks back {task.lookback}"
        )
    return replace(dataset, items=[item[-task.lookback :] for item in dataset.items], times=None)


def to_judge(task: Task, dataset: Dataset) -> Dataset:
    """The examples with their truth: every window of a series, classes numbered as the task numbers them."""
    if isinstance(task, Forecast) and dataset.targets is None:
        return windows(dataset, lookback=task.lookback, horizon=task.horizon, target_columns=task.columns)
    if dataset.targets is None:
        raise DataError(f"{dataset.name} has no labels to judge by")
    if isinstance(task, Classify | MultiLabel):
        return _renumbered(task, dataset)
    if dataset.classes:
        raise DataError(
            f"{dataset.name} is labelled with classes, the task is {task.name}: pass answer=regress"
        )
    return dataset


def _renumbered(task: Classify | MultiLabel, dataset: Dataset) -> Dataset:
    if not dataset.classes:
        raise DataError(
            f"{dataset.name} is labelled with numbers, the task is {task.name}: pass answer=classify"
        )
    for name in dataset.classes:
        if name not in task.classes:
            raise DataError(
                f"{dataset.name} has a class {name!r} that was not trained{nearest(name, task.classes)}"
            )
    place = np.array([task.classes.index(name) for name in dataset.classes])
    if dataset.targets.ndim == 1:
        return replace(dataset, targets=place[dataset.targets], classes=task.classes)
    targets = np.zeros((len(dataset), len(task.classes)), dataset.targets.dtype)
    targets[:, place] = dataset.targets
    return replace(dataset, targets=targets, classes=task.classes)
