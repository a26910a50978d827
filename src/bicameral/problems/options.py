"""What a user may ask of a data set: its task, and the options of that task."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.data.split.splits import split
from bicameral.tasks import Task, option_names, task_of
from bicameral.tasks.options import Options


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide what a user wrote into options of the task and options of `read`."""
    known = option_names()
    task = {key: value for key, value in options.items() if key in known}
    return task, {key: value for key, value in options.items() if key not in known}


def cut_for(dataset: Dataset, options: Mapping[str, Any] | None) -> Dataset | None:
    """Return the windows that a forecast is trained on, with their split; None where nothing is forecast."""
    task, asked = asked_of(dataset, options)
    if dataset.targets is not None or is_continued(dataset):
        return None
    cut = task.examples(dataset, asked)
    parts, names = split(cut, seed=0), np.full(len(cut), "left out", dtype="<U8")
    for part in ("train", "val", "test"):
        names[getattr(parts, part)] = part
    return replace(cut, split=names)


def asked_of(dataset: Dataset, options: Mapping[str, Any] | None) -> tuple[type[Task], Options]:
    """Return the task that data ask for, or that a user named, and its options, checked and filled in."""
    given = dict(options or {})
    task = task_of(dataset, given.pop("task", None))
    return task, task.read_options(dataset, given)
