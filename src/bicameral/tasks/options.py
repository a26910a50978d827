"""Options of a task: what a user may ask of it, each field with the check of its value."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from bicameral.data.dataset import Kind
from bicameral.errors import ConfigError, nearest

_Options = TypeVar("_Options", bound="Options")


class Shape(NamedTuple):
    """Which values an option takes, in code and in words."""

    fits: Callable[[Any], bool]
    expected: str


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and bool(value >= 1) and value is not True


def _is_list(value: Any, *kinds: type) -> bool:
    return isinstance(value, list | tuple) and all(type(item) in kinds for item in value)


COUNT = Shape(_is_count, "a number of steps of at least 1")
TOKENS = Shape(_is_count, "a number of words or characters of at least 1")
PIXELS = Shape(_is_count, "the longer side of a frame, at least 1")
NUMBER = Shape(lambda value: isinstance(value, int | float), "a number in the units of the data")
METRIC = Shape(lambda value: isinstance(value, str), "the name of a metric")
NAMES = Shape(lambda value: isinstance(value, str) or _is_list(value, str), "names of channels: [a, b]")
BORDERS = Shape(lambda value: _is_list(value, int), "three growing rows, such as [600, 800, 1000]")
SHARES = Shape(lambda value: _is_list(value, float), "shares between 0 and 1, such as [0.1, 0.5, 0.9]")
UNIT = Shape(lambda value: value in ("characters", "words"), "characters or words")


def option(shape: Shape, *, kinds: tuple[Kind, ...] | None = None) -> Any:
    """Declare a field of `Options` that is None, left to the task, unless the user gives a value of `shape`.

    kinds  of data that it can be asked of; None for all
    """
    return dataclasses.field(default=None, metadata={"shape": shape, "kinds": kinds})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every task may be asked."""

    metric: str | None = option(METRIC)

    @property
    def given(self) -> dict[str, Any]:
        """The options that are not left to the task."""
        return {name: value for name, value in vars(self).items() if value is not None}


def read_options(cls: type[_Options], kind: Kind, given: Mapping[str, Any]) -> _Options:
    """Build the options of a task on data of `kind` from what a user wrote, a list or one name as a tuple.

    Raises ConfigError for an option there is not, with the nearest name, and for a value of another shape.
    """
    known = {field.name: field for field in dataclasses.fields(cls) if _is_of(field.metadata["kinds"], kind)}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"this task has no option {name!r}{nearest(name, known)}")
        shape = known[name].metadata["shape"]
        if value is not None and not shape.fits(value):
            raise ConfigError(f"{name} is {value!r}; expected {shape.expected}")
    return cls(**{name: _whole(known[name].metadata["shape"], value) for name, value in given.items()})


def _is_of(kinds: tuple[Kind, ...] | None, kind: Kind) -> bool:
    return kinds is None or kind in kinds


def _whole(shape: Shape, value: Any) -> Any:
    if shape is NAMES and isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value
