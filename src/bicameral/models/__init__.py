"""One file per paper, its name the registered name; and the checks their configs share."""

from collections.abc import Collection
from typing import Any

from bicameral.errors import ConfigError, nearest


def require_counts(config: object, *fields: str) -> None:
    """Refuse fields that are not whole numbers of at least one."""
    for field in fields:
        value = getattr(config, field)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise _refusal(config, field, "a whole number of at least 1")


def require_odd(config: object, *fields: str) -> None:
    """Refuse even numbers: the middle of a kernel lies on a pixel."""
    for field in fields:
        if getattr(config, field) % 2 == 0:
            raise _refusal(config, field, "an odd number")


def require_multiple(config: object, field: str, divisor: str, times: int = 1) -> None:
    """Refuse a field that is no multiple of `times` another field."""
    unit = times * getattr(config, divisor)
    if getattr(config, field) % unit:
        words = divisor if times == 1 else f"{times} {divisor}"
        raise _refusal(config, field, f"a multiple of {words} = {unit}")


def require_fractions(config: object, *fields: str) -> None:
    """Refuse fields outside 0 <= x < 1."""
    for field in fields:
        value = getattr(config, field)
        if not isinstance(value, int | float) or not 0 <= value < 1:
            raise _refusal(config, field, "at least 0 and less than 1")


def require_choice(config: object, field: str, options: Collection[str]) -> None:
    """Refuse a field that is none of `options`, naming the nearest."""
    value = getattr(config, field)
    if value not in options:
        raise _refusal(config, field, f"one of {', '.join(options)}{nearest(str(value), options)}")


def _refusal(config: Any, field: str, expected: str) -> ConfigError:
    given = getattr(config, field)
    return ConfigError(f"{type(config).__name__}.{field} is {given!r}; expected {expected}")
