"""Names -> models and tasks: one decorator each, found lazily, open to plug-ins by entry points."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Literal, TypeVar, get_args

from bicameral.errors import ConfigError, PlugInError, UnknownNameError, nearest

Family = Literal["convolutional", "recurrent", "hybrid", "attention", "baseline", "control"]
Form = Literal["map", "line", "volume", "sequence", "frames"]
Gives = Literal["maps", "steps", "vector", "frames", "forecast", "next", "answer"]

_Class = TypeVar("_Class", bound=type)
_Thing = TypeVar("_Thing")


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
    def kinds(self) -> tuple[str, ...]:
        """The kinds of data that a model which needs no head is for."""
        return getattr(self.cls, "kinds", ("text", "series"))

    @property
    def causal(self) -> bool:
        """Whether a model says something at every step, from that step and those before it."""
        steps = self.gives == "next" or (self.gives == "steps" and not hasattr(self.cls, "output_lengths"))
        return steps and self.reads == "sequence" and hasattr(self.cls, "initial_state")

    @property
    def bounded(self) -> tuple[str, ...]:
        """Fields of the config that may not exceed the steps of a training segment."""
        return tuple(field.name for field in dataclasses.fields(self.config) if field.name == "window")

    @property
    def answers(self) -> bool:
        """Whether what it gives is the answer, at every step or to the whole: it needs no head."""
        return self.gives in ("next", "answer")

    @property
    def numbers(self) -> bool:
        """Whether a model that answers by itself answers with numbers too, not only with classes."""
        return getattr(self.cls, "numbers", False)

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields of the config."""
        return frozenset(field.name for field in dataclasses.fields(self.config))

    def configure(self, overrides: Mapping[str, Any]) -> Any:
        """Build the config, naming an unknown field and the nearest known one."""
        for key in overrides:
            if key not in self.fields:
                hint = nearest(key, self.fields)
                raise ConfigError(f"no {self.config.__name__} field called {key!r}{hint}")
        return self.config(**overrides)


@dataclass(frozen=True)
class Broken:
    """A plug-in that cannot be loaded."""

    name: str
    reason: str  # one line: what importing it raised, and which package brings it


class Catalogue(Generic[_Thing]):
    """Named things of one sort: those of this package, and those that other packages bring by entry point.

    what     "model" or "task"
    package  holds those of ours: each in the file of its name, or all registered by the package itself
    """

    def __init__(self, what: str, package: str, *, by_file: bool):
        self.what, self.package, self.by_file = what, package, by_file
        self.things: dict[str, _Thing] = {}

    def add(self, name: str, thing: _Thing) -> None:
        """Make a thing known by its name."""
        self.things[name] = thing

    def names(self) -> tuple[str, ...]:
        """Return every name; where each has a file of its own, without importing any."""
        return tuple(sorted(self._ours() | set(self._plug_ins()) | set(self.things)))

    def get(self, name: str) -> _Thing:
        """Return the thing of that name, importing its file on first use."""
        if name not in self.things:
            self._import(name)
        return self.things[name]

    def all(self) -> tuple[_Thing, ...]:
        """Return every thing that can be loaded, importing all files."""
        broken = {one.name for one in self.broken()}
        return tuple(self.get(name) for name in self.names() if name not in broken)

    def broken(self) -> tuple[Broken, ...]:
        """Return the plug-ins that cannot be loaded, importing all of them."""
        return tuple(filter(None, (self._try(point) for point in self._plug_ins().values())))

    def _ours(self) -> set[str]:
        package = importlib.import_module(self.package)
        return {module.name for module in pkgutil.iter_modules(package.__path__)} if self.by_file else set()

    def _plug_ins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=f"bicameral.{self.what}s")}

    def _import(self, name: str) -> None:
        if point := self._plug_ins().get(name):
            if broken := self._try(point):
                raise PlugInError(f"the {self.what} {name!r} is broken: {broken.reason}")
        elif name in self._ours():
            importlib.import_module(f"{self.package}.{name}")
        if name not in self.things:
            raise UnknownNameError(f"no {self.what} called {name!r}{nearest(str(name), self.names())}")

    def _try(self, point: EntryPoint) -> Broken | None:
        brought = f"entry point {point.value!r} of {point.dist.name if point.dist else 'an unnamed package'}"
        try:
            point.load()
        except Exception as error:  # whatever somebody else's module raises must not stop ours
            return Broken(point.name, f"{brought}: {type(error).__name__}: {_line(error)}")
        if point.name not in self.things:
            return Broken(point.name, f"{brought}: it registers no {self.what} called {point.name!r}")
        return None


models: Catalogue[Entry] = Catalogue("model", "bicameral.models", by_file=True)
tasks: Catalogue[type[Any]] = Catalogue("task", "bicameral.tasks", by_file=False)
entry, entries, names = models.get, models.all, models.names


def model(
    name: str, *, config: type, family: Family, reads: Form, gives: Gives, paper: str
) -> Callable[[_Class], _Class]:
    """Register a model class under `name`, which is also the name of its file."""
    for word, words in ((family, Family), (reads, Form), (gives, Gives)):
        assert word in get_args(words), f"{name}: {word!r} is none of {get_args(words)}"

    def register(cls: _Class) -> _Class:
        known = Entry(name=name, cls=cls, config=config, family=family, reads=reads, gives=gives, paper=paper)
        assert models.things.get(name, known).cls.__qualname__ == cls.__qualname__, f"{name} registered twice"
        models.add(name, known)
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


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
