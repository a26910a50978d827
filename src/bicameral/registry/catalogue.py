"""Things by name: found lazily by file, open to other packages by entry points."""

import importlib
import pkgutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from bicameral.errors import PlugInError, UnknownNameError, nearest

_Thing = TypeVar("_Thing")


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


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
