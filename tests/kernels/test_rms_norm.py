"""The native normalisation equals its definition, outputs and gradients, however it is called."""

import inspect

import pytest
import torch
from kernels.gradients import outputs_and_gradients
from kernels.tolerances import assert_near

from bicameral.kernels import native
from bicameral.kernels.rms_norm import rms_norm
from bicameral.kernels.rms_norm.reference import EPS
from bicameral.kernels.rms_norm.reference import rms_norm as reference

SHAPES = [(1, 2), (3, 5), (2, 7, 16), (130, 33), (2, 65, 96), (1, 3, 2100), (70, 64)]
needs_library = pytest.mark.skipif(native.library() is None, reason="no native library on this machine")


def inputs(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(sum(shape))
    x = torch.randn(shape, generator=generator, dtype=torch.float64) * 3
    weight = torch.randn(shape[-1], generator=generator, dtype=torch.float64)
    return [v.to(dtype).requires_grad_() for v in (x, weight)]


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_double_precision(shape):
    x, weight = (v.detach().float().double().requires_grad_() for v in inputs(*shape))
    exact = outputs_and_gradients(
        lambda x, w: w * x / ((x * x).mean(-1, keepdim=True) + EPS) ** 0.5, [x, weight]
    )
    assert_near("rms_norm", outputs_and_gradients(rms_norm, inputs(*shape)), exact)


def test_equals_that_of_torch():
    x, weight = inputs(4, 9, 24)
    theirs = torch.nn.functional.rms_norm(x, (24,), weight, EPS)
    torch.testing.assert_close(rms_norm(x, weight), theirs, rtol=1e-5, atol=1e-6)


def test_rows_of_nothing_and_no_rows():
    x, weight = torch.zeros(2, 20, requires_grad=True), torch.ones(20)
    y = rms_norm(x, weight)
    y.sum().backward()
    assert not y.any()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.full((2, 20), EPS**-0.5))
    assert rms_norm(torch.ones(0, 20), weight).shape == (0, 20)


def test_float64_is_differentiable_twice():
    arguments = inputs(3, 6, dtype=torch.float64)
    assert torch.autograd.gradcheck(rms_norm, arguments)
    assert torch.autograd.gradgradcheck(rms_norm, arguments)


@needs_library
def test_views_and_inference_take_the_same_numbers():
    x, weight = (v.detach() for v in inputs(6, 8, 20))
    expected = rms_norm(x, weight)
    assert torch.equal(rms_norm(x.transpose(0, 1).contiguous().transpose(0, 1), weight), expected)
    assert torch.equal(rms_norm(*inputs(6, 8, 20)), expected)


@needs_library
def test_any_number_of_threads_gives_the_same_bits():
    whole = outputs_and_gradients(rms_norm, inputs(900, 130))
    torch.set_num_threads(2)
    try:
        assert all(map(torch.equal, whole, outputs_and_gradients(rms_norm, inputs(900, 130))))
    finally:
        torch.set_num_threads(1)


@needs_library
def test_a_missing_number_stays_in_its_row():
    x, weight = (v.detach() for v in inputs(3, 20))
    x[1, 3] = torch.nan
    assert rms_norm(x, weight).isnan().any(1).tolist() == [False, True, False]


# The compiler cannot see through the checks of shapes that the tests switch on; unwrap takes them off.
@needs_library
def test_compiles_into_one_graph():
    whole = torch.compile(inspect.unwrap(rms_norm), fullgraph=True, backend="aot_eager")
    ours, theirs = (outputs_and_gradients(norm, inputs(9, 20)) for norm in (whole, rms_norm))
    assert all(map(torch.equal, ours, theirs))


def test_exports_as_plain_arithmetic():
    class Norm(torch.nn.Module):
        def forward(self, x, weight):
            return rms_norm(x, weight)

    arguments = tuple(v.detach() for v in inputs(3, 8))
    exported = torch.export.export(Norm(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(*arguments), reference(*arguments))
