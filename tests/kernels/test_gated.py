"""Every gated cell on its fast path equals its definition, outputs and gradients, whatever the sizes."""

from functools import partial

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernels.tolerances import assert_near
from torch.utils.flop_counter import FlopCounterMode

from bicameral.kernels import native
from bicameral.kernels.gated import CELLS, Weights, gated, reference

EXTRAS = {"peephole_lstm": 3, "layer_norm_lstm": 6}
needs_native = pytest.mark.skipif(native.library() is None, reason="no native library")


def inputs(name, b, t, d, e, *, outputs=None, projected=False, seed=0):
    """x, states and weights in float64; gates stay far from one. Only projections heed `outputs`."""
    torch.manual_seed(seed)

    def make(*shape):
        return 0.3 * torch.randn(shape).double()  # a saturated gate has no gradient left to compare

    cell = CELLS[name]
    gates, seen = cell.num_input_gates * e, cell.num_state_gates * e
    x = make(b, t, gates if projected else d)
    shown = outputs if outputs and cell.projects else e
    state = tuple(make(b, size) for size in (shown, e)[: cell.num_states])
    w_x = None if projected else (make(gates, d) / d**0.5)
    w_h = make(seen, shown) / shown**0.5
    extra = make(EXTRAS[name], e) if name in EXTRAS else None
    if cell.projects:
        extra = make(shown, e) / e**0.5
    return x, state, Weights(w_x, w_h, make(gates), make(seen), extra)


def as_type(dtype, x, state, weights):
    def convert(v):
        return None if v is None else v.detach().to(dtype).requires_grad_()

    return convert(x), tuple(map(convert, state)), Weights(*map(convert, weights))


def everything(function, x, state, weights):
    """Outputs, states, and the gradients of a weighted sum of them."""
    y, last = function(x, state, weights)
    total = sum((v * torch.linspace(-1, 2, v.numel(), dtype=v.dtype).view_as(v)).sum() for v in (y, *last))
    leaves = [v for v in (x, *state, *weights) if v is not None]
    return [y, *last, *torch.autograd.grad(total, leaves)]


def compare(name, b, t, d, e, lengths=None, **options):
    exact = inputs(name, b, t, d, e, **options)
    theirs = everything(
        lambda x, state, w: reference.scan(CELLS[name].step, x, state, w, lengths),
        *as_type(torch.float64, *exact),
    )
    ours = everything(partial(run, name, lengths), *as_type(torch.float32, *exact))
    assert_near("gated", ours, theirs)


def run(name, lengths, x, state, weights):
    return gated(name, x, state, weights, lengths)


@needs_native
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 1), (3, 7, 20, 16), (33, 5, 7, 40), (2, 70, 5, 17), (130, 3, 3, 70)]
)
def test_native_equals_the_definition(name, sizes):
    compare(name, *sizes)


@needs_native
@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(list(CELLS)),
    b=st.integers(1, 20),
    t=st.integers(1, 12),
    d=st.integers(1, 35),
    e=st.integers(1, 40),
    outputs=st.integers(1, 40),
    projected=st.booleans(),
    data=st.data(),
)
def test_native_equals_the_definition_at_odd_sizes(name, b, t, d, e, outputs, projected, data):
    assume(e > 1 or name != "layer_norm_lstm")  # whose gradients of one unit are rounding alone
    lengths = data.draw(st.none() | st.lists(st.integers(1, t), min_size=b, max_size=b))
    lengths = None if lengths is None else torch.tensor(lengths)
    compare(name, b, t, d, e, lengths, outputs=outputs, projected=projected, seed=b + t + d + e)


@needs_native
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("sizes", [(1, 9, 260, 260), (40, 30, 9, 70), (5, 30, 300, 200)])
def test_threads_change_no_bit(name, sizes):
    arguments = as_type(torch.float32, *inputs(name, *sizes))
    alone = everything(partial(run, name, None), *arguments)
    before = torch.get_num_threads()
    try:
        for threads in (2, 3):
            torch.set_num_threads(threads)
            together = everything(partial(run, name, None), *arguments)
            assert all(map(torch.equal, alone, together))
    finally:
        torch.set_num_threads(before)


@needs_native
@pytest.mark.parametrize("name", CELLS)
def test_row_does_not_depend_on_its_batch(name):
    x, state, weights = as_type(torch.float32, *inputs(name, 9, 11, 5, 24))
    with torch.no_grad():
        together, _ = gated(name, x, state, weights)
        alone, _ = gated(name, x[4:5], tuple(part[4:5] for part in state), weights)
    assert torch.equal(together[4:5], alone)


@needs_native
@pytest.mark.parametrize("outputs", [3, 16, 70])
def test_a_projection_may_be_narrower_or_wider_than_the_cell(outputs):
    lengths = torch.tensor([4, 9, 1, 9, 7, 2, 9, 5, 3])
    compare("projected_lstm", 9, 9, 6, 36, lengths, outputs=outputs)


@needs_native
def test_a_gate_is_a_sigmoid_as_exact_as_single_precision_near_a_half():
    inside = torch.cat([torch.linspace(-90, 90, 701), torch.linspace(-1, 1, 301)])
    values = torch.cat([inside, torch.tensor([0, torch.inf, -torch.inf, torch.nan])])
    quiet = torch.zeros_like(values)
    x = torch.cat([quiet, values, quiet, quiet])[None, None]  # the forget gate of a cell that holds one
    state = (quiet[None], torch.ones_like(quiet)[None])
    with torch.no_grad():
        opened = gated("lstm", x, state, Weights(None, torch.zeros(4 * len(values), len(values))))[1][1][0]
    exact = values.double().sigmoid()
    assert (opened - exact)[:-1].abs().max() <= 1.5e-7
    assert opened[-4:-1].tolist() == [0.5, 1, pytest.approx(0, abs=1e-37)]
    assert opened[-1].isnan()


@needs_native
def test_written_weights_are_packed_again():
    x, state, weights = as_type(torch.float32, *inputs("lstm", 2, 3, 4, 5))
    with torch.no_grad():
        before, _ = gated("lstm", x, state, weights)
        assert torch.equal(gated("lstm", x, state, weights)[0], before)
        for write in (
            lambda: weights.w_h.mul_(2),
            lambda: weights.w_x.data.mul_(2),
            lambda: weights.b_x.data.add_(1),
        ):
            write()
            kept, _ = gated("lstm", x, state, weights)
            fresh, _ = gated("lstm", x, state, Weights(*[w if w is None else w.clone() for w in weights]))
            assert torch.equal(kept, fresh)


@needs_native
def test_written_projections_are_packed_again():
    x, state, weights = as_type(torch.float32, *inputs("projected_lstm", 2, 3, 4, 5))
    with torch.no_grad():
        before, _ = gated("projected_lstm", x, state, weights)
        for write in (lambda: weights.extra.mul_(2), lambda: weights.extra.data.mul_(2)):
            write()
            after, _ = gated("projected_lstm", x, state, weights)
            fresh, _ = gated("projected_lstm", x, state, weights._replace(extra=weights.extra.clone()))
            assert torch.equal(after, fresh)
            assert not torch.equal(after, before)


@needs_native
def test_gains_put_together_for_a_call_are_read_at_every_call():
    x, state, weights = as_type(torch.float32, *inputs("layer_norm_lstm", 2, 3, 4, 5))
    with torch.no_grad():
        before, _ = gated("layer_norm_lstm", x, state, weights)
        after, _ = gated("layer_norm_lstm", x, state, weights._replace(extra=2 * weights.extra))
        expected, _ = reference.scan(
            reference.layer_norm_lstm, x, state, weights._replace(extra=2 * weights.extra), None
        )
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-5)


@needs_native
def test_backward_twice():
    x, state, weights = as_type(torch.float32, *inputs("gru", 2, 9, 4, 5))
    y, _ = gated("gru", x, state, weights)
    first, second = (torch.autograd.grad(y.sum(), [x, weights.w_h], retain_graph=True) for _ in range(2))
    assert all(map(torch.equal, first, second))


@needs_native
def test_second_derivatives_are_refused():
    x, state, weights = as_type(torch.float32, *inputs("gru", 2, 3, 4, 5))
    y, _ = gated("gru", x, state, weights)
    with pytest.raises(RuntimeError, match="no second derivatives"):
        torch.autograd.grad(y.sum(), x, create_graph=True)


@needs_native
def test_only_wanted_gradients():
    x, state, weights = as_type(torch.float32, *inputs("lstm", 2, 3, 4, 5))
    frozen = Weights(*[w if w is None else w.detach() for w in weights])
    everywhere = torch.autograd.grad(gated("lstm", x, state, weights)[0].sum(), x)
    assert torch.equal(torch.autograd.grad(gated("lstm", x, state, frozen)[0].sum(), x)[0], everywhere[0])


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh_rnn", "relu_rnn"])
@pytest.mark.parametrize("ragged", [False, True])
def test_torchs_operators_equal_the_definition(name, ragged):
    exact = as_type(torch.float64, *inputs(name, 4, 7, 3, 5))
    lengths = torch.tensor([3, 7, 1, 5]) if ragged else None
    ours = everything(partial(run, name, lengths), *exact)
    theirs = everything(lambda x, s, w: reference.scan(CELLS[name].step, x, s, w, lengths), *exact)
    torch.testing.assert_close(ours, theirs)


@needs_native
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("ragged", [False, True])
def test_operator_keeps_torchs_promises(name, ragged):
    x, state, weights = as_type(torch.float32, *inputs(name, 2, 3, 4, 5))
    h, c = state if len(state) == 2 else (*state, None)
    lengths = torch.tensor([2, 3]) if ragged else None
    arguments = (name, True, lengths, x, h, c, *weights)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.bicameral.gated.default, arguments, test_utils=checks)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_operations_are_counted(name, dtype):
    arguments = as_type(dtype, *inputs(name, 2, 3, 4, 5))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        gated(name, *arguments)
    weights = arguments[2]
    projected = weights.extra.numel() if name == "projected_lstm" else 0
    assert counter.get_total_flops() == 2 * 2 * 3 * (weights.w_x.numel() + weights.w_h.numel() + projected)


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh_rnn", "coupled_lstm"])
def test_exports_as_torchs_operators(name):
    class Scan(torch.nn.Module):
        def forward(self, x, state, weights):
            return gated(name, x, state, Weights(*weights))

    x, state, weights = inputs(name, 2, 3, 4, 5)
    arguments = (
        x.float(),
        tuple(s.float() for s in state),
        tuple(w if w is None else w.float() for w in weights),
    )
    exported = torch.export.export(Scan(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    expected, _ = gated(name, *arguments[:2], Weights(*arguments[2]))
    torch.testing.assert_close(exported.module()(*arguments)[0], expected)
