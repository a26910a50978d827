"""Tasks by name."""

from collections.abc import Mapping
from typing import Any

from bicameral.errors import UnknownNameError, nearest
from bicameral.tasks.classify import Classify
from bicameral.tasks.forecast import Forecast
from bicameral.tasks.multilabel import MultiLabel
from bicameral.tasks.next_frames import NextFrames
from bicameral.tasks.next_notes import NextNotes
from bicameral.tasks.next_token import NextToken
from bicameral.tasks.regress import Regress
from bicameral.tasks.task import Task

TASKS: dict[str, type[Task]] = {
    cls.name: cls for cls in (Classify, MultiLabel, Regress, Forecast, NextToken, NextNotes, NextFrames)
}


def task_from_dict(saved: Mapping[str, Any]) -> Task:
    """Rebuild a task from `Task.to_dict`."""
    name = saved["name"]
    if name not in TASKS:
        raise UnknownNameError(f"no task called {name!r}{nearest(name, TASKS)}")
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()}
    return TASKS[name](**{key: value for key, value in fields.items() if key != "name"})
