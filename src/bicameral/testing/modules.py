"""The laws of any module, whatever it reads: its gradients, its arithmetic, its arguments, an empty batch."""

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bicameral.testing.examples import (
    Build,
    Laws,
    assert_near,
    assert_same,
    examples,
    first,
    gradients,
    leaves,
    ready,
    some_lengths,
    weighted_sum,
)

STEP = 1e-7  # of finite differences in float64: small, for few activations to pass a bend
SLOPE, OUTPUT, GRADIENT = 1e-3, 1e-4, 1e-3  # largest relative errors; the last two of float32


def module_laws(build: Build, shape: Sequence[int], axis: int | None = None) -> Laws:
    """Yield the laws for a module reading examples of `shape`; and lengths along `axis`."""
    for law in LAWS:
        yield law.__name__, partial(law, build, shape, axis)


def gradients_equal_finite_differences(build: Build, shape: Sequence[int], axis: int | None) -> None:
    """Of the input and of every parameter by itself, along a random direction."""
    module, x = _off_the_bends(ready(build)), examples(shape)
    for run in _outputs(module, x, axis):
        found = gradients(module, x, run)
        sources = [x, *module.parameters()]
        for name, source, gradient in zip(_names(module), sources, found, strict=True):
            _assert_slope(name, partial(run, x), [source], [gradient])


def gradient_equals_finite_difference(build: Build, shape: Sequence[int], axis: int | None) -> None:
    """Of all parameters and the input at once, with lengths where they count: cheap for a large network."""
    module, x = _off_the_bends(ready(build)), examples(shape)
    *_, run = _outputs(module, x, axis)
    _assert_slope("all", partial(run, x), [x, *module.parameters()], gradients(module, x, run))


def float32_agrees_with_float64(build: Build, shape: Sequence[int], axis: int | None) -> None:
    """Outputs, states and gradients: whatever is compiled, for float32, computes what the definition says."""
    exact, x = ready(build), examples(shape).float()
    rounded = copy.deepcopy(exact).float()
    for run, other in zip(calls(rounded, x, axis), calls(exact, x, axis), strict=True):
        with torch.no_grad():
            assert_near(run(x), other(x.double()), OUTPUT)
        assert_near(gradients(rounded, x, run), gradients(exact, x.double(), other), GRADIENT)


def input_is_not_written_to(build: Build, shape: Sequence[int], axis: int | None) -> None:
    """In training or not; what is handed over is the tensor itself."""
    module, x = ready(build), examples(shape)
    given = x.clone()
    for run in calls(module, given, axis):
        for training in (False, True):
            module.train(training)
            with torch.no_grad():
                run(given)
    assert_same(given, x)


def no_rows_give_no_rows(build: Build, shape: Sequence[int], axis: int | None) -> None:
    """An empty batch is answered by one, of the shape that it has for others."""
    module, x = ready(build), examples(shape)
    for run, empty in zip(calls(module, x, axis), calls(module, x[:0], axis), strict=True):
        expected, found = leaves(run(x)), leaves(empty(x[:0]))
        assert [part.shape for part in found] == [(0, *part.shape[1:]) for part in expected]


LAWS = (
    gradients_equal_finite_differences,
    float32_agrees_with_float64,
    input_is_not_written_to,
    no_rows_give_no_rows,
)
LAWS_OF_THE_LARGEST = (gradient_equals_finite_difference, float32_agrees_with_float64)


def calls(module: nn.Module, x: Tensor, axis: int | None) -> Iterator[Callable[[Tensor], Any]]:
    """Yield the module itself, and with lengths where they count along an axis."""
    yield module
    if axis is not None:
        yield partial(module, lengths=some_lengths(x.shape[axis])[: len(x)])


def _outputs(module: nn.Module, x: Tensor, axis: int | None) -> Iterator[Callable[[Tensor], Tensor]]:
    for run in calls(module, x, axis):
        yield lambda x, run=run: first(run(x))


@torch.no_grad()
def _off_the_bends(module: nn.Module) -> nn.Module:
    """Move every parameter towards zero, or from zero: an activation of exactly zero has no one slope."""
    for parameter in module.parameters():
        moved = parameter * (1 - torch.rand_like(parameter) / 10)
        parameter.copy_(torch.where(parameter == 0, torch.randn_like(parameter) / 10, moved))
    return module


def _names(module: nn.Module) -> list[str]:
    return ["the input", *(name for name, _ in module.named_parameters())]


def _assert_slope(name: str, run: Callable[[], Any], sources: list[Tensor], found: list[Tensor]) -> None:
    generator = torch.Generator().manual_seed(3)
    ways = [torch.randn(v.shape, dtype=v.dtype, generator=generator) for v in sources]
    expected = sum((way * gradient).sum().item() for way, gradient in zip(ways, found, strict=True))
    ahead, behind = (_moved(run, sources, ways, step) for step in (STEP, -STEP))
    slope = (ahead - behind) / (2 * STEP)
    allowed = SLOPE * max(abs(slope), 1e-2)
    assert abs(slope - expected) <= allowed, f"{name}: the gradient says {expected}, differences {slope}"


@torch.no_grad()
def _moved(run: Callable[[], Any], sources: list[Tensor], ways: list[Tensor], step: float) -> float:
    """Return the weighted sum of what `run` returns with all sources moved, and move them back."""
    before = [source.clone() for source in sources]
    for source, way in zip(sources, ways, strict=True):
        source.add_(way, alpha=step)
    total = weighted_sum(run()).item()
    for source, value in zip(sources, before, strict=True):
        source.copy_(value)
    return total
