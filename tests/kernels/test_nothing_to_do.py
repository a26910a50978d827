"""Rows of length 0, no frames and no rows: every path answers like the definition, gradients included."""

from functools import partial

import pytest
import torch
from kernels.test_gated import as_type, everything, inputs, needs_native

from bicameral.kernels import native
from bicameral.kernels.gated import CELLS, fused, gated, operator, reference
from bicameral.kernels.linear_scan import linear_scan
from bicameral.kernels.linear_scan import reference as linear_reference
from bicameral.kernels.relu_scan import reference as relu_reference
from bicameral.kernels.relu_scan import relu_scan
from bicameral.kernels.rg_lru import reference as rg_lru_reference
from bicameral.kernels.rg_lru import rg_lru
from bicameral.kernels.signature import reference as signature_reference
from bicameral.kernels.signature import signature
from bicameral.kernels.slstm import reference as slstm_reference
from bicameral.kernels.slstm import slstm

LENGTHS = [[0, 3, 7, 1], [0, 0, 0, 0], [7, 0, 7, 0]]
PATHS = {"native": torch.float32, "torch": torch.float64}


def defined(name, lengths, x, state, weights):
    return reference.scan(CELLS[name].step, x, state, weights, lengths)


def assert_close(ours, theirs, dtype):
    tolerance = {} if dtype is torch.float64 else {"rtol": 1e-4, "atol": 1e-4}
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one.double(), other.double(), **tolerance)


@pytest.mark.parametrize("dtype", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("name", CELLS)
def test_a_row_of_length_zero_keeps_its_state(name, lengths, dtype):
    exact, lengths = inputs(name, 4, 7, 3, 5), torch.tensor(lengths)
    ours = everything(partial(gated, name, lengths=lengths), *as_type(dtype, *exact))
    theirs = everything(partial(defined, name, lengths), *as_type(torch.float64, *exact))
    assert_close(ours, theirs, dtype)
    state = exact[1]
    for row in (lengths == 0).nonzero():
        assert all(
            torch.equal(last[row], first[row].to(dtype))
            for last, first in zip(ours[1 : 1 + len(state)], state, strict=True)
        )


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("name", fused.OPERATORS)
def test_a_row_of_length_zero_keeps_its_state_where_rows_are_packed(name, lengths):
    """As on a GPU."""
    exact, lengths = as_type(torch.float64, *inputs(name, 4, 7, 3, 5)), torch.tensor(lengths)
    ours = everything(partial(fused._packed, name, lengths=lengths), *exact)
    assert_close(ours, everything(partial(defined, name, lengths), *exact), torch.float64)


@needs_native
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("name", CELLS)
def test_the_operator_keeps_the_state_of_a_row_of_length_zero(name, lengths):
    exact, lengths = as_type(torch.float32, *inputs(name, 4, 7, 3, 5)), torch.tensor(lengths)

    def run(x, state, weights):
        h, c = state if len(state) == 2 else (*state, None)
        y, *last, _ = operator.gated(name, True, lengths, x, h, c, *weights)
        return y, tuple(last[: len(state)])

    ours = everything(run, *exact)
    assert all(map(torch.equal, ours, everything(partial(gated, name, lengths=lengths), *exact)))


@pytest.mark.parametrize("dtype", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("sizes", [(2, 0), (0, 3), (0, 0)])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_without_frames_or_rows_answers_nothing(name, ragged, sizes, dtype):
    x, state, weights = as_type(dtype, *inputs(name, *sizes, 3, 5))
    lengths = torch.zeros(sizes[0], dtype=torch.int64) if ragged else None
    y, last = gated(name, x, state, weights, lengths)
    assert y.shape == (*sizes, state[0].shape[1])
    assert all(map(torch.equal, last, state))
    leaves = [v for v in (x, *state, *weights) if v is not None]
    total = y.sum() + sum(part.sum() for part in last)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        assert torch.equal(gradient, torch.full_like(leaf, any(leaf is part for part in state)))


def shapes(b, t):
    return {
        "linear_scan": (linear_scan, linear_reference.linear_scan, [(b, t, 16), (b, t, 16), (b, 16)]),
        "relu_scan": (relu_scan, relu_reference.relu_scan, [(16,), (b, t, 16), (b, 16)]),
        "rg_lru": (rg_lru, rg_lru_reference.rg_lru, [*[(b, t, 16)] * 3, (16,), (b, 16)]),
        "slstm": (slstm, slstm_reference.slstm, [(b, t, 4, 2, 8), (2, 8, 32), *[(b, 2, 8)] * 4]),
        "signature": (
            partial(signature, depth=2),
            partial(signature_reference.signature, depth=2),
            [(b, t, 3), (b, 12)],
        ),
    }


def scanned(kernel, arguments):
    outputs = kernel(*arguments)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = sum(part.sum() for part in outputs if part.requires_grad)
    gradients = torch.autograd.grad(total, arguments, allow_unused=True, materialize_grads=True)
    return [*outputs, *gradients]


@pytest.mark.parametrize("dtype", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("sizes", [(2, 0), (0, 3)])
@pytest.mark.parametrize("name", shapes(1, 1))
def test_a_scan_without_frames_or_rows_answers_nothing(name, sizes, dtype):
    kernel, definition, sizes_of = shapes(*sizes)[name]
    arguments = [torch.full(shape, 0.5, dtype=dtype, requires_grad=True) for shape in sizes_of]
    ours, theirs = scanned(kernel, arguments), scanned(definition, arguments)
    assert ours[0].shape[:2] == sizes
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        assert torch.equal(one, other)
        assert not one.any()


@pytest.mark.parametrize("dtype", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("sizes", [(2, 0), (0, 3)])
def test_a_graph_without_frames_or_rows_answers_nothing(sizes, dtype):
    from kernels.test_graph_gru import NODES, run

    rows, frames = sizes
    shapes = [(rows, frames, NODES, 2), (rows, NODES, 4), (6, 12), (12, 8), (12, 4), (12,)]
    values = [torch.ones(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    y, last = run(values, natively=dtype is torch.float32 and native.library() is not None)
    assert y.shape == (*sizes, NODES, 4)
    assert torch.equal(last, values[1])
    gradients = torch.autograd.grad(y.sum() + last.sum(), values, allow_unused=True, materialize_grads=True)
    for place, gradient in enumerate(gradients):
        assert torch.equal(gradient, torch.full_like(values[place], place == 1))
