"""The options of `read`, checked at the door: what each says, and of which form it is."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from bicameral.errors import DataError

COLUMNS = ("file", "group", "id", "split", "text", "time", "x")  # numbers where a table has no header


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "header": (lambda value: isinstance(value, bool), "true or false"),
    "limits": (lambda value: isinstance(value, bool), "true or false"),
    "rate": (lambda value: _is_number(value) and value > 0, "samples a second, such as 16000"),
    "missing": (lambda value: _is_number(value) or _is_numeral(value), "the number that stands for no value"),
    "delimiter": (lambda value: isinstance(value, str) and len(value) > 0, "a character"),
    "pattern": (lambda value: isinstance(value, str), "an expression such as '(?P<label>[a-z]+)_.*'"),
    "labels": (lambda value: isinstance(value, str) or value is False, "the name of a table, or false"),
}
_ON_DISK = {key: (lambda value: isinstance(value, str), "the name of a column") for key in COLUMNS} | {
    key: (lambda value: isinstance(value, str), "the path of a table") for key in ("groups", "splits")
}


def checked(options: Mapping[str, Any], on_disk: bool) -> dict[str, Any]:
    """Return the options, numbers of columns as their names; one of the wrong form is an error.

    on_disk  the source is a path, so that columns and tables are named and not given
    """
    named = {
        key: str(value) if key in COLUMNS and type(value) is int else value for key, value in options.items()
    }
    forms = _FORMS | (_ON_DISK if on_disk else {})
    for key, value in named.items():
        if value is not None and key in forms and not forms[key][0](value):
            raise DataError(f"{key} is {value!r}; expected {forms[key][1]}")
    return named


def checked_target(target: Any) -> Any:
    """Return the target, a number or date as the name of the column that it is."""
    if type(target) is int or isinstance(target, date):
        return str(target)
    if isinstance(target, bool | Mapping):
        raise DataError(f"target is {target!r}; expected the name of one (in quotes if it is yes or no)")
    return target


def _is_numeral(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
