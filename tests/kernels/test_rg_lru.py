"""Every path of the RG-LRU equals its definition, outputs and gradients."""

import inspect

import pytest
import torch
from kernels.tolerances import assert_near

from bicameral.kernels import native
from bicameral.kernels.rg_lru import reference, rg_lru

SHAPES = [(1, 1, 16), (2, 7, 3), (3, 40, 21), (2, 5, 40), (1, 3, 1100), (5, 64, 32)]
compiled = pytest.mark.skipif(native.library() is None, reason=native.path())


def inputs(b, t, d, dtype=torch.float32, requires_grad=True):
    generator = torch.Generator().manual_seed(b + t + d)
    x, gate_a, gate_x = (torch.randn(b, t, d, dtype=torch.float64, generator=generator) for _ in range(3))
    log_a = -torch.rand(d, dtype=torch.float64, generator=generator) * 0.9 - 0.01
    h = torch.randn(b, d, dtype=torch.float64, generator=generator)
    return [v.to(dtype).requires_grad_(requires_grad) for v in (x, 2 * gate_a, gate_x, log_a, h)]


def some_resets(b, t, d):
    return torch.rand(b, t, generator=torch.Generator().manual_seed(b * t)) < 0.2


def by_frames(x, gate_a, gate_x, log_a, h, resets=None):
    """The paper's equations, one frame after the other."""
    states = []
    for t in range(x.shape[1]):
        a = torch.exp(log_a / (1 + torch.exp(-gate_a[:, t])))
        drawn = torch.sqrt(1 - a**2) / (1 + torch.exp(-gate_x[:, t])) * x[:, t]
        kept = a if resets is None else torch.where(resets[:, t, None], 0.0, a)
        h = kept * h + drawn
        states.append(h)
    return torch.stack(states, 1)


def outputs_and_gradients(unit, arguments, resets):
    y = unit(*arguments, resets)
    weights = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    return [y.detach(), *torch.autograd.grad(y, arguments, weights.to(y.dtype))]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("with_resets", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_equations(dtype, with_resets, shape):
    arguments, resets = inputs(*shape, dtype), some_resets(*shape) if with_resets else None
    exact = outputs_and_gradients(
        by_frames, [v.detach().double().requires_grad_() for v in arguments], resets
    )
    assert_near("rg_lru", outputs_and_gradients(rg_lru, arguments, resets), exact)


@compiled
@pytest.mark.parametrize("with_resets", [False, True])
def test_results_do_not_depend_on_the_threads(with_resets):
    shape = (3, 500, 75)
    arguments, resets = inputs(*shape), some_resets(*shape) if with_resets else None
    alone = outputs_and_gradients(rg_lru, arguments, resets)
    torch.set_num_threads(4)
    try:
        together = outputs_and_gradients(rg_lru, arguments, resets)
    finally:
        torch.set_num_threads(1)
    assert all(map(torch.equal, alone, together))


@compiled
def test_gates_that_never_forget_keep_finite_gradients():
    x, gate_a, gate_x, log_a, h = inputs(2, 9, 16)
    log_a = torch.zeros(16, requires_grad=True)
    arguments = [x, gate_a, gate_x, log_a, h]
    exact = [v.detach().double().requires_grad_() for v in arguments]
    results = outputs_and_gradients(rg_lru, arguments, None)
    truth = outputs_and_gradients(reference.rg_lru, exact, None)
    for result, true in zip(results, truth, strict=True):
        torch.testing.assert_close(result.double(), true, rtol=1e-5, atol=1e-5)


@compiled
@pytest.mark.parametrize("operator", ["rg_lru", "rg_lru_backward"])
@pytest.mark.parametrize("with_resets", [False, True])
def test_operators_keep_torchs_promises(operator, with_resets):
    arguments = inputs(2, 4, 16, requires_grad=operator == "rg_lru")
    resets = some_resets(2, 4, 16) if with_resets else None
    more = () if operator == "rg_lru" else (arguments[0], arguments[0])
    torch.library.opcheck(getattr(torch.ops.bicameral, operator).default, (*arguments, resets, *more))


@compiled
def test_compiles_into_one_graph():
    # The compiler cannot see through the checks of shapes that the tests switch on; unwrap takes them off.
    whole = torch.compile(inspect.unwrap(rg_lru), fullgraph=True, backend="aot_eager")
    arguments = inputs(2, 9, 20)
    ours, theirs = (outputs_and_gradients(unit, arguments, None) for unit in (whole, rg_lru))
    assert all(map(torch.equal, ours, theirs))


def test_exports_as_plain_arithmetic():
    class Unit(torch.nn.Module):
        def forward(self, *arguments):
            return rg_lru(*arguments)

    arguments = tuple(inputs(1, 3, 16, requires_grad=False))
    exported = torch.export.export(Unit(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    assert_near("rg_lru", [exported.module()(*arguments)], [by_frames(*(v.double() for v in arguments))])
