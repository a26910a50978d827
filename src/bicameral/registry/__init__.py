"""Names -> models and tasks: one decorator each, found lazily, open to plug-ins by entry points."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bicameral.errors import ConfigError
from bicameral.registry.catalogue import Broken, Catalogue
from bicameral.registry.entry import Entry, Family, Fitted, Form, Gives

__all__ = [
    "Broken", "Catalogue", "Entry", "Family", "Fitted", "Form", "Gives",
    "entries", "entry", "model", "models", "names", "task", "tasks",
]  # fmt: skip

_Class = TypeVar("_Class", bound=type)

models: Catalogue[Entry] = Catalogue("model", "bicameral.models", by_file=True)
tasks: Catalogue[type[Any]] = Catalogue("task", "bicameral.tasks", by_file=False)
entry, entries, names = models.get, models.all, models.names


def model(
    name: str,
    *,
    config: type,
    family: Family,
    reads: Form,
    gives: Gives,
    paper: str,
    sizes: Mapping[str, Mapping[str, Any]] | None = None,
    causal: bool = False,
    shortens: bool = False,
    fitted: Fitted = "gradient",
    prepares: bool = False,
    kinds: tuple[str, ...] = ("text", "series"),
    numbers: bool = False,
    bounded: tuple[str, ...] = (),
    exempt: Mapping[str, str] | None = None,
) -> Callable[[_Class], _Class]:
    """Register a model class under `name`, which is also the name of its file; fields are those of `Entry`.

    Raises ConfigError for what is missing or contradicts the class.
    """

    def register(cls: _Class) -> _Class:
        known = models.things.get(name)
        if known and (known.cls.__module__, known.cls.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigError(f"a model called {name!r} is there already, of {known.cls.__module__}")
        found = Entry(
            name=name,
            cls=cls,
            config=config,
            family=family,
            reads=reads,
            gives=gives,
            paper=paper,
            sizes=sizes or {},
            causal=causal,
            shortens=shortens,
            fitted=fitted,
            prepares=prepares,
            kinds=kinds,
            numbers=numbers,
            bounded=bounded,
            exempt=exempt or {},
        )
        models.add(name, found)
        return cls

    return register


def task(cls: _Class) -> _Class:
    """Register a task: a frozen dataclass with a `name` and, nested, its `Options`."""
    for part in (cls, getattr(cls, "Options", None)):
        if not (dataclasses.is_dataclass(part) and part.__dataclass_params__.frozen):  # pyright: ignore
            raise ConfigError(
                f"{cls.__name__} and its Options have to be @dataclass(frozen=True, kw_only=True)"
            )
    tasks.add(cls.name, cls)  # pyright: ignore[reportAttributeAccessIssue]  every task has a name
    return cls
