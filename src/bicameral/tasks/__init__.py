"""Tasks by name, and by the data that ask for them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.errors import ConfigError, DataError
from bicameral.tasks.classify import Classify
from bicameral.tasks.forecast import Forecast
from bicameral.tasks.multilabel import MultiLabel
from bicameral.tasks.next_frames import NextFrames
from bicameral.tasks.next_notes import NextNotes
from bicameral.tasks.next_token import NextToken
from bicameral.tasks.regress import Regress
from bicameral.tasks.task import Task

OURS: tuple[type[Task], ...] = (Classify, MultiLabel, Regress, Forecast, NextToken, NextNotes, NextFrames)


def task_of(dataset: Dataset, name: str | None = None) -> type[Task]:
    """Find the task that data ask for, or the one called `name`, which another package may have brought.

    Raises DataError for data that ask nothing, ConfigError for a task that they do not ask.
    """
    if name is not None:
        named = registry.tasks.get(name)
        if not named.asks(dataset):
            raise ConfigError(f"{dataset.name}, as it was read, does not ask for the task {name!r}")
        return named
    for ours in OURS:
        if ours.asks(dataset):
            return ours
    raise DataError(
        f"{dataset.name} has no labels; only series can be forecast and clips continued, not "
        f"{dataset.kind} data; of texts pass answer=next to ask for the next token"
    )


def task_from_dict(saved: Mapping[str, Any]) -> Task:
    """Rebuild a task from `Task.to_dict`."""
    cls = registry.tasks.get(saved["name"])
    whole = {key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()}
    return cls(**{key: value for key, value in whole.items() if key != "name"})


def option_names() -> tuple[str, ...]:
    """Every option that some task can be given, and `task` itself."""
    found = [field.name for task in registry.tasks.all() for field in fields(task.Options)]
    return tuple(dict.fromkeys(("task", *found)))
