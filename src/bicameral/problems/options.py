"""What a user may ask of a data set: the options of a task, checked and filled in."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.errors import ConfigError, DataError, nearest
from bicameral.problems.frames import FRAMES_OPTIONS, with_horizon

FORECAST_OPTIONS = ("lookback", "horizon", "targets", "stride", "borders", "quantiles")
CONTINUE_OPTIONS = ("context", "unit")
TASK_OPTIONS = tuple(dict.fromkeys(("metric", *FORECAST_OPTIONS, *CONTINUE_OPTIONS, *FRAMES_OPTIONS)))
CONTEXT = {"characters": 256, "words": 64}  # steps of a training segment, unless the user says otherwise


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide what a user wrote into options of the task and options of `read`."""
    task = {key: value for key, value in options.items() if key in TASK_OPTIONS}
    return task, {key: value for key, value in options.items() if key not in TASK_OPTIONS}


def segment_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """How a text or a piece is cut into segments: context and unit."""
    unit = options.get("unit", "characters")
    return {"context": options.get("context", CONTEXT[unit]), "unit": unit}


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and bool(value >= 1) and value is not True


def _is_list(value: Any, *kinds: type) -> bool:
    return isinstance(value, list | tuple) and all(type(item) in kinds for item in value)


_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "metric": (lambda value: isinstance(value, str), "the name of a metric"),
    "lookback": (_is_count, "a number of steps of at least 1"),
    "horizon": (_is_count, "a number of steps of at least 1"),
    "stride": (_is_count, "a number of steps of at least 1"),
    "targets": (lambda value: isinstance(value, str) or _is_list(value, str), "names of channels: [a, b]"),
    "pixels": (_is_count, "the longer side of a frame, at least 1"),
    "threshold": (lambda value: isinstance(value, int | float), "a number in the units of the data"),
    "borders": (lambda value: _is_list(value, int), "three growing rows, such as [600, 800, 1000]"),
    "context": (_is_count, "a number of steps of at least 1"),
    "unit": (lambda value: value in ("characters", "words"), "characters or words"),
    "quantiles": (lambda value: _is_list(value, float), "shares between 0 and 1, such as [0.1, 0.5, 0.9]"),
}


def checked(dataset: Dataset, options: dict[str, Any]) -> dict[str, Any]:
    """Reject unknown options; fill in lookback and horizon for a series that is to be forecast."""
    known = ("metric", *_options_of(dataset))
    for key, value in options.items():
        if key not in known:
            raise ConfigError(f"this task has no option {key!r}{nearest(key, known)}")
        if not _SHAPES[key][0](value):
            raise ConfigError(f"{key} is {value!r}; expected {_SHAPES[key][1]}")
    if isinstance(options.get("targets"), str):
        options["targets"] = [options["targets"]]
    if dataset.targets is not None:
        return options
    if dataset.kind == "clip":
        return with_horizon(dataset, options)
    if dataset.kind != "series":
        raise DataError(
            f"{dataset.name} has no labels; only series can be forecast and clips continued, not "
            f"{dataset.kind} data; of texts pass answer=next to ask for the next token"
        )
    shortest = min(len(item) for item in dataset.items)
    horizon = options.setdefault("horizon", max(1, min(24, shortest // 20)))
    options.setdefault("lookback", max(1, min(8 * horizon, shortest // 4)))
    return options


def _options_of(dataset: Dataset) -> tuple[str, ...]:
    if is_continued(dataset):
        return CONTINUE_OPTIONS if dataset.kind == "text" else CONTINUE_OPTIONS[:1]
    if dataset.targets is not None:
        return ("unit",) if dataset.kind == "text" else ()
    return FRAMES_OPTIONS if dataset.kind == "clip" else FORECAST_OPTIONS
