"""Every path of the linear scan equals its definition, outputs and gradients."""

import pytest
import torch

from bicameral.kernels.linear_scan import linear_scan
from bicameral.kernels.linear_scan.chunked import scan_by_chunks, scan_by_frames
from bicameral.kernels.linear_scan.reference import linear_scan as reference

SHAPES = [(1, 1, 1), (2, 7, 3), (1, 64, 2), (3, 65, 2), (2, 130, 16), (40, 70, 32)]


def inputs(b, t, d, requires_grad=False):
    generator = torch.Generator().manual_seed(b + t + d)
    make = {"dtype": torch.float64, "generator": generator}
    a = torch.rand(b, t, d, **make)
    x, h = torch.randn(b, t, d, **make), torch.randn(b, d, **make)
    return [v.requires_grad_(requires_grad) for v in (a, x, h)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scan", [linear_scan, scan_by_chunks, scan_by_frames])
def test_equals_the_reference(scan, shape):
    torch.testing.assert_close(scan(*inputs(*shape)), reference(*inputs(*shape)))


@pytest.mark.parametrize("shape", SHAPES[:5])
def test_gradients_equal_those_of_the_reference(shape):
    ours, theirs = inputs(*shape, requires_grad=True), inputs(*shape, requires_grad=True)
    weights = torch.randn(shape, dtype=torch.float64)
    (linear_scan(*ours) * weights).sum().backward()
    (reference(*theirs) * weights).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_gradients_of_gradients():
    arguments = inputs(2, 5, 2, requires_grad=True)
    assert torch.autograd.gradcheck(linear_scan, arguments)
    assert torch.autograd.gradgradcheck(linear_scan, arguments)


def test_operator_keeps_torchs_promises():
    torch.library.opcheck(torch.ops.bicameral.linear_scan.default, inputs(2, 6, 3, requires_grad=True))


def test_gates_at_zero_and_one_stay_finite():
    x, h = torch.randn(1, 4096, 2), torch.zeros(1, 2)
    kept = linear_scan(torch.ones_like(x), x, h)
    torch.testing.assert_close(kept, x.double().cumsum(1).float(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(linear_scan(torch.zeros_like(x), x, h), x)


def test_exports_as_plain_arithmetic():
    class Scan(torch.nn.Module):
        def forward(self, a, x, h):
            return linear_scan(a, x, h)

    arguments = tuple(inputs(1, 3, 2))
    exported = torch.export.export(Scan(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(*arguments), reference(*arguments))
