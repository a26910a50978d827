"""`field=value` on the command line: parsed as YAML scalars and given to whoever owns the field."""

from collections.abc import Iterable, Mapping
from typing import Any

from bicameral.errors import ConfigError, refuse_misspelt


def parse(words: Iterable[str] | None) -> dict[str, Any]:
    """Turn `width=64 kernels=[3,5]` into values."""
    return dict(_pair(word) for word in words or ())


def overriding(flag: bool, words: Iterable[str] | None) -> tuple[bool | str, list[str]]:
    """What --override-audit means, and the fields: a word without = behind it names checks."""
    given = list(words or ())
    names = [word for word in given if flag and "=" not in word]
    return ",".join(names) or flag, [word for word in given if word not in names]


def divide(
    fields: Mapping[str, Any], owners: Mapping[str, Iterable[str]], rest: str
) -> dict[str, dict[str, Any]]:
    """Give each field to the first owner that knows it, else to `rest`; a near miss is an error."""
    known = {owner: set(names) for owner, names in owners.items()}
    parts: dict[str, dict[str, Any]] = {owner: {} for owner in (*owners, rest)}
    for name, value in fields.items():
        owner = next((owner for owner, names in known.items() if name in names), rest)
        if owner == rest:
            refuse_misspelt(name, set().union(*known.values()))
        parts[owner][name] = value
    return parts


def _pair(word: str) -> tuple[str, Any]:
    import yaml

    name, sign, text = word.partition("=")
    if not sign or not name.isidentifier():
        raise ConfigError(f"expected field=value, got {word!r}; for example: target=price")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"cannot read the value of {name!r}: {text!r} ({_first_line(error)})") from error
    return name, _number(value)


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as text; people mean a number."""
    if isinstance(value, str):
        try:
            return float(value) if value.strip()[:1] in "+-.0123456789" else value
        except ValueError:
            return value
    return value


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
