"""What a user may ask of a data set: its task, and the options of that task."""

from collections.abc import Mapping
from typing import Any

from bicameral.data.dataset import Dataset
from bicameral.tasks import Task, option_names, task_of
from bicameral.tasks.options import Options


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide what a user wrote into options of the task and options of `read`."""
    known = option_names()
    task = {key: value for key, value in options.items() if key in known}
    return task, {key: value for key, value in options.items() if key not in known}


def asked_of(dataset: Dataset, options: Mapping[str, Any] | None) -> tuple[type[Task], Options]:
    """Return the task that data ask for, or that a user named, and its options, checked and filled in."""
    given = dict(options or {})
    task = task_of(dataset, given.pop("task", None))
    return task, task.read_options(dataset, given)
