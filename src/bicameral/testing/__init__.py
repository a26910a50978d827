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
from bicameral.testing import grids, models
from bicameral.testing.examples import SHAPES, TIME_AXES, Laws
from bicameral.testing.lengths import lengths_laws
from bicameral.testing.recurrence import recurrent_laws
from bicameral.testing.tasks import task_laws

grid_laws = grids.grid_laws
__all__ = ["grid_laws", "lengths_laws", "model_laws", "parametrize_with_laws", "recurrent_laws", "task_laws"]


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
    if issubclass(entry.cls, Recurrent):
        yield from recurrent_laws(build, shape)
    if issubclass(entry.cls, Grid):
        yield from grid_laws(build, shape)
    if entry.takes_lengths:
        axis = TIME_AXES[entry.reads]
        out = {"vector": None, "answer": None, "steps": 1, "next": 1}.get(entry.gives, axis)
        yield from lengths_laws(build, shape, axis, out, shortens=entry.shortens or entry.gives == "maps")
