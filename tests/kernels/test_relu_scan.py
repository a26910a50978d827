"""The native scan of rectified units equals its definition, outputs and gradients, however it is called."""

import inspect

import pytest
import torch
from kernels.gradients import outputs_and_gradients

from bicameral.kernels import native
from bicameral.kernels.relu_scan import relu_scan
from bicameral.kernels.relu_scan.reference import relu_scan as reference

SHAPES = [(1, 1, 1), (2, 7, 3), (3, 40, 16), (2, 9, 33), (5, 200, 70), (1, 3, 2100)]
needs_library = pytest.mark.skipif(native.library() is None, reason="no native library on this machine")


def inputs(b, t, d, dtype=torch.float32):
    generator = torch.Generator().manual_seed(b + t + d)
    u = torch.rand(d, generator=generator, dtype=torch.float64) * 1.2 - 0.1
    x = torch.randn(b, t, d, generator=generator, dtype=torch.float64)
    h = torch.rand(b, d, generator=generator, dtype=torch.float64)
    return [v.to(dtype).requires_grad_() for v in (u, x, h)]


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_reference(shape):
    ours = outputs_and_gradients(relu_scan, inputs(*shape))
    theirs = outputs_and_gradients(reference, inputs(*shape, dtype=torch.float64))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * other.abs().max().item())


def test_float64_is_differentiable_twice():
    u, x, h = inputs(2, 4, 3, torch.float64)
    assert torch.autograd.gradcheck(relu_scan, (u, x, h))
    assert torch.autograd.gradgradcheck(relu_scan, (u, x, h))


@needs_library
def test_views_and_inference_take_the_same_numbers():
    u, x, h = (v.detach() for v in inputs(3, 8, 20))
    expected = relu_scan(u, x, h)
    swapped = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(relu_scan(u, swapped, h), expected)
    assert torch.equal(relu_scan(*inputs(3, 8, 20)), expected)


@needs_library
def test_any_number_of_threads_gives_the_same_bits():
    whole = outputs_and_gradients(relu_scan, inputs(4, 200, 130))
    torch.set_num_threads(2)
    try:
        assert all(map(torch.equal, whole, outputs_and_gradients(relu_scan, inputs(4, 200, 130))))
    finally:
        torch.set_num_threads(1)


@needs_library
def test_a_missing_number_stays_missing():
    u, x, h = (v.detach() for v in inputs(1, 5, 20))
    x[0, 2, 3] = torch.nan
    y = relu_scan(u, x, h)
    assert y[0, :, 3].isnan().tolist() == [False, False, True, True, True]
    assert y.isnan().sum() == 3


# The compiler cannot see through the checks of shapes that the tests switch on; unwrap takes them off.
@needs_library
def test_compiles_into_one_graph():
    whole = torch.compile(inspect.unwrap(relu_scan), fullgraph=True, backend="aot_eager")
    arguments = inputs(2, 9, 20)
    ours, theirs = (outputs_and_gradients(scan, arguments) for scan in (whole, relu_scan))
    assert all(map(torch.equal, ours, theirs))


def test_exports_as_plain_arithmetic():
    class Scan(torch.nn.Module):
        def forward(self, u, x, h):
            return relu_scan(u, x, h)

    arguments = tuple(v.detach() for v in inputs(1, 3, 2))
    exported = torch.export.export(Scan(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(*arguments), reference(*arguments))
