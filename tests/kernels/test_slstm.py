"""The native sLSTM recurrence equals its definition, outputs and gradients, however it is called."""

import inspect

import pytest
import torch

from bicameral.kernels import native
from bicameral.kernels.slstm import slstm
from bicameral.kernels.slstm.reference import slstm as reference

SHAPES = [
    (1, 1, 1, 1),
    (2, 7, 2, 3),
    (4, 9, 1, 16),
    (5, 12, 3, 20),
    (9, 5, 2, 70),
]  # rows, frames, heads, units
needs_library = pytest.mark.skipif(native.library() is None, reason="no native library on this machine")


def inputs(b, t, heads, size, dtype=torch.float32):
    generator = torch.Generator().manual_seed(b + t + size)
    make = {"generator": generator, "dtype": torch.float64}
    x, r = torch.randn(b, t, 4, heads, size, **make), torch.randn(heads, size, 4 * size, **make) / size**0.5
    h, c = (torch.randn(b, heads, size, **make) for _ in range(2))
    n, m = torch.rand(b, heads, size, **make) + 0.5, torch.randn(b, heads, size, **make)
    return [v.to(dtype).requires_grad_() for v in (x, r, h, c, n, m)]


def outputs_and_gradients(scan, arguments, parts=(0, 1, 2)):
    outputs = scan(*arguments)
    total = 0
    for part in parts:
        y = outputs[part]
        total = total + (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).sum()
    return [*outputs, *torch.autograd.grad(total, arguments, materialize_grads=True, allow_unused=True)]


def assert_near(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=2e-6 * (1 + other.abs().max().item()))


@pytest.mark.parametrize("parts", [(0,), (0, 1, 2), (2,)])
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_reference(shape, parts):
    ours = outputs_and_gradients(slstm, inputs(*shape), parts)
    assert_near(ours, outputs_and_gradients(reference, inputs(*shape, dtype=torch.float64), parts))


@needs_library
@pytest.mark.parametrize("gate", [0, 1])
@pytest.mark.parametrize("value", [-300.0, 300.0])
def test_extreme_gates(gate, value):
    arguments, doubled = inputs(2, 6, 2, 8), inputs(2, 6, 2, 8, torch.float64)
    for given in (arguments, doubled):
        given[0].data[:, 2:4, gate] = value
    ours = outputs_and_gradients(slstm, arguments, (0,))
    assert all(v.isfinite().all() for v in ours)
    assert_near(ours, outputs_and_gradients(reference, doubled, (0,)))


@needs_library
def test_rows_and_threads_do_not_matter_to_a_single_bit():
    arguments = [v.detach() for v in inputs(9, 30, 3, 20)]
    whole = slstm(*arguments)
    alone = slstm(*(v if i == 1 else v[7:8] for i, v in enumerate(arguments)))
    assert all(torch.equal(one[7:8], other) for one, other in zip(whole, alone, strict=True))
    torch.set_num_threads(2)
    try:
        assert all(map(torch.equal, whole, slstm(*arguments)))
    finally:
        torch.set_num_threads(1)


@needs_library
def test_views_and_inference_take_the_same_numbers():
    arguments = inputs(3, 8, 2, 10)
    expected = slstm(*arguments)
    x, *others = (v.detach() for v in arguments)
    swapped = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert all(map(torch.equal, slstm(swapped, *others), expected))


@needs_library
def test_a_missing_number_stays_missing():
    x, *others = (v.detach() for v in inputs(2, 6, 2, 8))
    x[0, 3, 0, 0, 2] = torch.nan
    y = slstm(x, *others)[0]
    assert y[0, 3, 0, 2].isnan()
    assert y[0, 4, 0].isnan().all()
    assert y[0, :, 1].isfinite().all()
    assert y[1].isfinite().all()


# The compiler cannot see through the checks of shapes that the tests switch on; unwrap takes them off.
@needs_library
def test_compiles_into_one_graph():
    whole = torch.compile(inspect.unwrap(slstm), fullgraph=True, backend="aot_eager")
    arguments = inputs(2, 5, 2, 4)
    ours, theirs = (outputs_and_gradients(scan, arguments, (0,)) for scan in (whole, slstm))
    assert all(map(torch.equal, ours, theirs))


def test_exports_as_plain_arithmetic():
    class Recurrence(torch.nn.Module):
        def forward(self, *arguments):
            return slstm(*arguments)

    arguments = tuple(v.detach() for v in inputs(1, 3, 2, 4))
    exported = torch.export.export(Recurrence(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(*arguments), reference(*arguments))
