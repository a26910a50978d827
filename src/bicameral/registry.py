"""Names -> model classes: one decorator, found lazily by file name, open to plug-ins by entry points."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar, get_args

from bicameral.errors import ConfigError, UnknownNameError, nearest

Family = Literal["convolutional", "recurrent", "hybrid", "attention", "baseline", "control"]
Form = Literal["map", "line", "volume", "sequence", "frames"]
Gives = Literal["maps", "steps", "vector", "frames", "forecast", "next", "answer"]

PLUGINS = "bicameral.models"
_Class = TypeVar("_Class", bound=type)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One registered model: its class, its config and how it reads and answers."""

    name: str
    cls: type
    config: type
    family: Family
    reads: Form
    gives: Gives
    paper: str

    @property
    def sizes(self) -> Mapping[str, Mapping[str, Any]]:
        """Config overrides by size name; a model without sizes has one, its default."""
        return getattr(self.cls, "sizes", {"default": {}})

    @property
    def closed_form(self) -> bool:
        """Whether the head is solved at once instead of trained by gradient."""
        return getattr(self.cls, "closed_form", False)

    @property
    def answers(self) -> bool:
        """Whether what it gives is the answer, at every step or to the whole: it needs no head."""
        return self.gives in ("next", "answer")

    def configure(self, overrides: Mapping[str, Any]) -> Any:
        """Build the config, naming an unknown field and the nearest known one."""
        known = {field.name for field in dataclasses.fields(self.config)}
        for key in overrides:
            if key not in known:
                hint = nearest(key, known)
                raise ConfigError(f"no {self.config.__name__} field called {key!r}{hint}")
        return self.config(**overrides)


_entries: dict[str, Entry] = {}


def model(
    name: str, *, config: type, family: Family, reads: Form, gives: Gives, paper: str
) -> Callable[[_Class], _Class]:
    """Register a model class under `name`, which is also the name of its file."""
    for word, words in ((family, Family), (reads, Form), (gives, Gives)):
        assert word in get_args(words), f"{name}: {word!r} is none of {get_args(words)}"

    def register(cls: _Class) -> _Class:
        entry = Entry(name=name, cls=cls, config=config, family=family, reads=reads, gives=gives, paper=paper)
        assert _entries.get(name, entry).cls.__qualname__ == cls.__qualname__, f"{name} registered twice"
        _entries[name] = entry
        return cls

    return register


def names() -> tuple[str, ...]:
    """Return every model name, without importing any model."""
    package = importlib.import_module("bicameral.models")
    builtin = {module.name for module in pkgutil.iter_modules(package.__path__)}
    return tuple(sorted(builtin | {point.name for point in entry_points(group=PLUGINS)} | set(_entries)))


def entry(name: str) -> Entry:
    """Return the entry called `name`, importing its file on first use."""
    if name not in _entries:
        _import(name)
    return _entries[name]


def entries() -> tuple[Entry, ...]:
    """Return every entry, importing all model files."""
    return tuple(entry(name) for name in names())


def _import(name: str) -> None:
    plugins = {point.name: point for point in entry_points(group=PLUGINS)}
    if name in plugins:
        plugins[name].load()
    elif name in names():
        importlib.import_module(f"bicameral.models.{name}")
    if name not in _entries:
        raise UnknownNameError(f"no model called {name!r}{nearest(str(name), names())}")
