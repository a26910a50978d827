"""The laws of what leaves Python: one graph to compile, one program for any number of rows."""

import inspect
import warnings
from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torch.export import Dim

from bicameral.testing.examples import Build, Laws, assert_near, examples, first, ready, some_lengths


def tracing_laws(build: Build, shape: Sequence[int], axis: int | None = None) -> Laws:
    """Yield the laws for a module reading examples of `shape`; and lengths along `axis`."""
    for law in LAWS:
        yield law.__name__, partial(law, build, shape, axis)


@torch.no_grad()
def compiles_as_one_graph(build: Build, shape: Sequence[int], axis: int | None) -> None:
    """`torch.compile` takes all of it, in float32 with what is compiled, and answers the same."""
    module, x = ready(build).float(), examples(shape).float()
    lengths = {} if axis is None else {"lengths": some_lengths(shape[axis - 1])}
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert_near(first(compiled(x, **lengths)), first(module(x, **lengths)).double(), 1e-5)


@torch.no_grad()
def exports_for_any_number_of_rows(build: Build, shape: Sequence[int], axis: int | None) -> None:  # noqa: ARG001
    """`torch.export` leaves the batch free: the program answers more rows than it was shown."""
    module, x = ready(build), examples(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of itself
        program = torch.export.export(module, (x,), dynamic_shapes=_free_rows(module))
    more = torch.cat([x, x.flip(0)])
    assert_near(first(program.module()(more)), first(module(more)), 1e-8)


LAWS = (compiles_as_one_graph, exports_for_any_number_of_rows)


def _free_rows(module: nn.Module) -> dict[str, dict[int, Dim]]:
    name = next(iter(inspect.signature(module.forward).parameters))
    return {name: {0: Dim("rows")}}
