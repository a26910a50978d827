"""A user's own network as a model of the registry: any module that gives `num_outputs` numbers an example."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Batch, Kind
from bicameral.errors import ConfigError
from bicameral.registry import Entry, Form
from bicameral.tasks.network import Network

VIEWS: Mapping[Kind, Form] = {  # unless the class says `reads = ...`
    "image": "map",
    "sound": "map",
    "clip": "volume",
    "text": "sequence",
    "series": "sequence",
}
ROWS = 3  # examples that a network is tried on
CALLED = "it is called as {name}(shape, num_outputs): of one example, and how many numbers to answer"


@dataclass(frozen=True, kw_only=True)
class OwnConfig:
    """What the task fills in."""

    num_outputs: int = 1


def is_own(given: Any) -> bool:
    """Whether a model is given as a class, a function or "file.py:Name", not by the name of one we know."""
    return not isinstance(given, str) or ":" in given


def enter(given: Any, kind: Kind) -> str:
    """Make a class or a function `(shape, num_outputs) -> module` known to the registry; return its name.

    given  the object itself, "file.py:Name" or "package.module:Name"

    Raises ConfigError for what cannot be imported again by the process that measures it.
    """
    source = _spelt(given) if isinstance(given, str) else _source_of(given)
    make = load(source) if isinstance(given, str) else given
    return _register(source, make, getattr(make, "reads", VIEWS[kind]))


def facts_of(name: str) -> dict[str, str]:
    """What another process needs to know the model of that name; nothing for one of the registry."""
    entry = registry.entry(name)
    if not entry.source:
        return {}
    return {"source": entry.source, "reads": entry.reads, "sha256": digest(entry.source)}


def restore(name: str, facts: Mapping[str, str]) -> None:
    """Make known again what `facts_of` described; refuse source code that has changed since."""
    known = registry.models.things.get(name)
    if digest(facts["source"]) != facts["sha256"]:
        raise ConfigError(
            f"{facts['source']} has changed since {name} was trained; put it back or start anew"
        )
    if known is None or known.source != facts["source"]:
        _register(facts["source"], load(facts["source"]), facts["reads"])


def digest(source: str) -> str:
    """Hash of the file that a network stands in."""
    path = source.rpartition(":")[0]
    if not path.endswith(".py"):
        found = importlib.util.find_spec(path)
        path = found.origin if found and found.origin else path
    if not Path(path).is_file():
        raise ConfigError(f"there is no file {path}, which holds the network {source.rpartition(':')[2]}")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def load(source: str) -> Callable[..., Any]:
    """Import the class or function that "file.py:Name" or "package.module:Name" stands for."""
    place, _, name = source.rpartition(":")
    try:
        module = _module_of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:  # whatever a user's file raises is told in one line
        raise ConfigError(f"{place} cannot be imported: {type(error).__name__}: {error}") from error
    made = getattr(module, name, None)
    if not callable(made):
        raise ConfigError(f"{place} has no class or function {name!r}")
    return made


def check(network: Network, batch: Batch) -> None:
    """Try an own network on a few real examples; raise ConfigError for what it lacks.

    It has to give (b, num_outputs) finite numbers, learn, and answer each example by itself.
    """
    name, expected = network.entry.name, (len(batch.x), network.backbone.width)
    if not any(parameter.requires_grad for parameter in network.backbone.parameters()):
        raise ConfigError(f"{name} has no parameters to be trained")
    network.eval()
    output = _answer(network, batch.x, batch.lengths, expected)
    if not output.isfinite().all():
        raise ConfigError(
            f"{name} answers {output.flatten()[0].item()} before it is trained; expected numbers"
        )
    alone = _answer(
        network, batch.x[:1], None if batch.lengths is None else batch.lengths[:1], (1, expected[1])
    )
    if not torch.allclose(alone, output[:1], rtol=1e-3, atol=1e-4):
        raise ConfigError(f"{name} answers an example differently beside others; in eval() rows may not mix")
    if not output.requires_grad:
        raise ConfigError(f"{name} gives no gradient; leave out no_grad() and detach()")


def _answer(network: Network, x: Tensor, lengths: Tensor | None, expected: tuple[int, int]) -> Tensor:
    name = network.entry.name
    read = network.read(x, lengths)[0]
    try:
        output = network.backbone(read)
    except ConfigError:
        raise
    except Exception as error:
        shape, reads = tuple(read.shape), network.entry.reads
        raise ConfigError(
            f"{name} cannot read a batch {shape}, a {reads}: {type(error).__name__}: {error}; "
            "say `reads = ...` in its class for another view"
        ) from error
    if tuple(output.shape) != expected:
        raise ConfigError(f"{name} gives {tuple(output.shape)}; expected {expected}: (examples, num_outputs)")
    return output


def _register(source: str, make: Callable[..., Any], reads: Any) -> str:
    name = source.rpartition(":")[2]
    known = registry.models.things.get(name)
    if name in registry.names() and not (known and known.source):
        raise ConfigError(f"{name} is the name of a model that is there already; rename yours")

    class Own(nn.Module):
        """A user's module, with the constructor and the width that the registry asks for."""

        def __init__(self, shape: tuple[int, ...], config: OwnConfig):
            super().__init__()
            self.width, self.net = config.num_outputs, _made(name, make, shape, config.num_outputs)

        def forward(self, x: Tensor) -> Tensor:
            output = self.net(x)
            if not isinstance(output, Tensor):
                raise ConfigError(f"{name} gives {type(output).__name__}; expected one tensor")
            return output

    entry = Entry(
        name=name,
        cls=Own,
        config=OwnConfig,
        family=getattr(make, "family", "hybrid"),
        reads=reads,
        gives="answer",
        paper=source,
        sizes={"default": {}},
        kinds=tuple(VIEWS),
        numbers=True,
        source=source,
    )
    registry.models.add(name, entry)
    return name


def _made(name: str, make: Callable[..., Any], shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    try:
        module = make(shape, num_outputs)
    except Exception as error:
        raise ConfigError(
            f"{name}({shape}, {num_outputs}) fails: {type(error).__name__}: {error}; "
            + CALLED.format(name=name)
        ) from error
    if not isinstance(module, nn.Module):
        raise ConfigError(f"{name} makes {type(module).__name__}; expected a torch.nn.Module")
    return module


def _spelt(given: str) -> str:
    place, _, name = given.rpartition(":")
    return f"{Path(place).resolve()}:{name}" if place.endswith(".py") else given


def _source_of(given: Any) -> str:
    name = getattr(given, "__qualname__", "")
    if not callable(given) or not name.isidentifier():
        raise ConfigError(
            f"{given!r} cannot be imported by another process; give a class or a function that stands by "
            "itself in a file: def mine(shape, num_outputs): return ..."
        )
    module = inspect.getmodule(given)
    if (
        module is not None
        and module.__spec__ is not None
        and not module.__name__.startswith(("__main__", PREFIX))
    ):
        return f"{module.__name__}:{name}"
    try:
        return f"{Path(inspect.getfile(given)).resolve()}:{name}"
    except (OSError, TypeError) as error:
        raise ConfigError(f"{name} stands in no file; write it into one, such as my_file.py") from error


PREFIX = "bicameral_own_"


def _module_of_file(path: Path) -> ModuleType:
    """Import a file under a name of its own, with its folder on the path for what it imports."""
    name = PREFIX + hashlib.sha256(str(path).encode()).hexdigest()[:16]
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(path.parent))
    spec.loader.exec_module(module)
    return module
