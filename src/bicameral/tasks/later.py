"""Data that come after training, seen as the task saw its training data: cut alike, classes in its order."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import continued, is_continued, segments
from bicameral.data.examples.windows import windows
from bicameral.errors import DataError, nearest
from bicameral.tasks.classify import Classify
from bicameral.tasks.forecast import Forecast
from bicameral.tasks.multilabel import MultiLabel
from bicameral.tasks.next_frames import NextFrames
from bicameral.tasks.next_notes import NextNotes
from bicameral.tasks.next_token import NextToken
from bicameral.tasks.task import Task


def reading(task: Task) -> dict[str, Any]:
    """The options by which `read` reads data for the task."""
    if isinstance(task, NextFrames):
        return {"answer": "next", "kind": "clip"}
    return {"answer": "next"} if task.per_step else {}


def to_answer(task: Task, dataset: Dataset) -> Dataset:
    """The examples to answer; of a series to be forecast the look-back at its end; else segments."""
    if isinstance(task, NextToken | NextNotes):
        return _segments(task, dataset)
    if not isinstance(task, Forecast | NextFrames) or dataset.targets is not None:
        return dataset
    shortest = min(len(item) for item in dataset.items)
    if shortest < task.lookback:
        raise DataError(
            f"a {dataset.kind} of {dataset.name} has {shortest} steps; a forecast looks back {task.lookback}"
        )
    return replace(dataset, items=[item[-task.lookback :] for item in dataset.items], times=None)


def to_judge(task: Task, dataset: Dataset) -> Dataset:
    """The examples with their truth: every window of a series, classes numbered as the task numbers them."""
    if isinstance(task, NextToken | NextNotes):
        return _segments(task, dataset)
    if isinstance(task, Forecast) and dataset.targets is None:
        return windows(dataset, lookback=task.lookback, horizon=task.horizon, target_columns=task.columns)
    if isinstance(task, NextFrames) and dataset.targets is None:
        return windows(dataset, lookback=task.lookback, horizon=task.horizon, pixels=max(task.frame[1:]))
    if dataset.targets is None:
        raise DataError(f"{dataset.name} has no labels to judge by")
    if isinstance(task, Classify | MultiLabel):
        return _renumbered(task, dataset)
    if dataset.classes:
        raise DataError(
            f"{dataset.name} is labelled with classes, the task is {task.name}: pass answer=regress"
        )
    return dataset


def by_sequence(dataset: Dataset, output: Tensor) -> tuple[list[str], Tensor]:
    """The names of the sequences that segments were cut from, and their steps in one row each."""
    numbers = dataset.targets.sequence
    rows = [output[numbers == number].flatten(0, 1) for number in np.unique(numbers)]
    names = [str(dataset.ids[row]).rpartition(":")[0] for row in np.unique(numbers, return_index=True)[1]]
    return names, pad_sequence(rows, batch_first=True, padding_value=torch.nan)


def _segments(task: NextToken | NextNotes, dataset: Dataset) -> Dataset:
    """Segments as in training; what was cut into them already passes through."""
    asked = dataset if is_continued(dataset) else continued(dataset)
    if asked.targets.end.any():
        return asked
    unit = task.unit if isinstance(task, NextToken) else "characters"
    return segments(replace(asked, groups=np.arange(len(asked))), context=task.context, unit=unit)


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
