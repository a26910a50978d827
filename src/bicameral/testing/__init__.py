"""The laws of both contracts and of every registered model, in float64, for plug-ins too.

    @parametrize_with_laws("my_model")
    def test_laws(law):
        law()

A model that cannot obey a law says so where it is registered: `exempt={"name_of_the_law": "why"}`.
"""

from functools import partial
from typing import Any

from bicameral import registry
from bicameral.nn.grid import Grid
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import Entry
from bicameral.testing import grids, models, modules
from bicameral.testing.examples import SHAPES, SHORT, TIME_AXES, Laws
from bicameral.testing.lengths import lengths_laws
from bicameral.testing.modules import module_laws
from bicameral.testing.recurrence import forward_equals_the_fold_of_step, recurrent_laws
from bicameral.testing.tasks import task_laws
from bicameral.testing.tracing import tracing_laws

grid_laws = grids.grid_laws
__all__ = [
    "grid_laws",
    "lengths_laws",
    "model_laws",
    "module_laws",
    "parametrize_with_laws",
    "recurrent_laws",
    "task_laws",
    "tracing_laws",
]


def parametrize_with_laws(*names: str) -> Any:
    """Decorate a test with one `law` for every law of every model named, or of all that are registered."""
    import pytest

    parameters = []
    for entry in map(registry.entry, names or registry.names()):
        for name, law in model_laws(entry):
            marks = [pytest.mark.skip(reason=entry.exempt[name])] if name in entry.exempt else []
            parameters.append(pytest.param(law, id=f"{entry.name}-{name}", marks=marks))
    return pytest.mark.parametrize("law", parameters)


def model_laws(entry: Entry) -> Laws:
    """Every law that binds a registered model, at its smallest size."""
    for law in models.LAWS:
        yield law.__name__, partial(law, entry)
    shape, build = SHAPES[entry.reads], partial(models.build, entry)
    axis = TIME_AXES[entry.reads] if entry.takes_lengths else None
    yield from module_laws(build, shape, axis)
    yield from _laws_of_the_largest(entry, axis)
    if not entry.closed_form:  # what is counted or grown is looked up
        short = SHORT[entry.reads]
        yield from tracing_laws(partial(models.build, entry, short), short, axis)
    if issubclass(entry.cls, Recurrent):
        yield from recurrent_laws(build, shape)
    if issubclass(entry.cls, Grid):
        yield from grid_laws(build, shape)
    if axis is not None:
        out = {"vector": None, "answer": None, "steps": 1, "next": 1}.get(entry.gives, axis)
        yield from lengths_laws(build, shape, axis, out, shortens=entry.shortens or entry.gives == "maps")


def _laws_of_the_largest(entry: Entry, axis: int | None) -> Laws:
    """What may go wrong where a width is beyond a tile of what is compiled."""
    build, shape = partial(models.build, entry, size=-1), SHAPES[entry.reads]
    laws = [partial(law, build, shape, axis) for law in modules.LAWS_OF_THE_LARGEST]
    if issubclass(entry.cls, Recurrent):
        few = (SHORT[entry.reads][0], *shape[1:])
        laws.append(partial(forward_equals_the_fold_of_step, build, few))
    for law in laws:
        yield f"largest_size_{law.func.__name__}", law
