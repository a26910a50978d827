"""Every law of the contracts refuses a layer that breaks it."""

import pytest
import torch
from torch import nn

from bicameral.nn.gated import GRU
from bicameral.nn.grid import Grid
from bicameral.nn.masking import zero_padding
from bicameral.nn.recurrent import Recurrent
from bicameral.testing import grid_laws, lengths_laws, module_laws, recurrent_laws, tracing_laws


class Leaky(Recurrent):
    """h = h / 2 + x: the honest layer, to be broken."""

    width = 2

    def initial_state(self, x_t):
        return torch.zeros_like(x_t)

    def step(self, x_t, state):
        state = state / 2 + x_t
        return state, state


class OtherScan(Leaky):
    """Its scan is not the fold of its step, in values."""

    def scan(self, x, state, lengths):
        y, state = super().scan(x, state, lengths)
        return y + 1e-6, state


class OtherGradient(Leaky):
    """Its scan has the right values and a wrong gradient."""

    def scan(self, x, state, lengths):
        return super().scan(x.detach() + (x - x.detach()) * 2, state, lengths)


class Forgetful(Leaky):
    """Starts afresh at every call of scan."""

    def scan(self, x, state, lengths):
        return super().scan(x, torch.zeros_like(state), lengths)


class Foreseeing(Leaky):
    """Every output knows the mean of the whole."""

    def scan(self, x, state, lengths):
        y, state = super().scan(x, state, lengths)
        return y + x.mean(1, keepdim=True), state


class Overrunning(Leaky):
    """Goes on through padding, so that its last state is too late."""

    def scan(self, x, state, lengths):
        return super().scan(x, state, None)


class Unheeding(Leaky):
    """Says that it takes resets and never looks at them."""

    def scan(self, x, state, lengths, resets=None):
        return super().scan(x, state, lengths)


class Overwriting(Leaky):
    """Adds to the state in place."""

    def step(self, x_t, state):
        state.mul_(0.5).add_(x_t)
        return state.clone(), state


class OfItsOwn(Leaky):
    """Its state is made in float32."""

    def initial_state(self, x_t):
        return torch.zeros(x_t.shape)


class Padded(Leaky):
    """Takes the state after a row's last frame, by an index that is -1 for a row without any."""

    def scan(self, x, state, lengths):
        y, after = super().scan(x, state, None)
        return y, after if lengths is None else y[torch.arange(len(y)), lengths - 1]


class Wider(Leaky):
    """Its outputs are wider than it says."""

    def scan(self, x, state, lengths):
        y, state = super().scan(x, state, lengths)
        return torch.cat([y, y], 2), state


class Detached(Leaky):
    """The gradient of a later call stops at its state."""

    def scan(self, x, state, lengths):
        return super().scan(x, state.detach(), lengths)


class Chunked(Leaky):
    """Beyond 64 frames, what is carried from chunk to chunk is a frame too early."""

    def scan(self, x, state, lengths):
        outputs, before = [], state
        for chunk in x.split(64, 1):
            y, after = super().scan(chunk, before, None)
            outputs.append(y)
            before = y[:, -2] if chunk.shape[1] == 64 else after
        y = torch.cat(outputs, 1)
        return y, before if lengths is None else y[torch.arange(len(y)), lengths - 1]


RECURRENT = {
    "forward_equals_the_fold_of_step": OtherScan,
    "gradients_equal_those_of_the_fold": OtherGradient,
    "sequence_may_be_cut_anywhere": Forgetful,
    "state_stops_at_lengths": Overrunning,
    "output_is_causal": Foreseeing,
    "documents_answer_as_they_do_alone": Unheeding,
    "step_and_state_are_not_written_to": Overwriting,
    "state_follows_its_input": OfItsOwn,
    "row_without_frames_keeps_its_state": Padded,
    "no_frames_keep_the_state": Wider,
    "gradients_pass_through_the_state": Detached,
    "long_rows_equal_their_pieces": Chunked,
}


@pytest.mark.parametrize(("name", "law"), list(recurrent_laws(Leaky, (5, 2))))
def test_honest_layer_passes(name, law):
    law()


@pytest.mark.parametrize(("name", "broken"), RECURRENT.items())
def test_recurrent_law_refuses(name, broken):
    with pytest.raises(AssertionError):
        dict(recurrent_laws(broken, (5, 2)))[name]()


def test_every_recurrent_law_has_a_breach():
    assert {name for name, _ in recurrent_laws(Leaky, (5, 2))} == set(RECURRENT)


class Careless(nn.Module):
    """Ignores lengths altogether."""

    def forward(self, x, lengths=None):
        return x + x.nan_to_num(1).mean(1, keepdim=True)


class Zeroing(nn.Module):
    """Zeroes the padding of its own argument."""

    def forward(self, x, lengths=None):
        for row, length in enumerate([] if lengths is None else lengths.tolist()):
            x[row, length:] = 0
        return x


class Shy(nn.Module):
    """Says nothing of rows of one frame, where lengths are given."""

    def forward(self, x, lengths=None):
        return x if lengths is None else x * (lengths > 1)[:, None, None]


class Dividing(nn.Module):
    """The mean over valid frames, of whom there may be none."""

    def forward(self, x, lengths=None):
        return x.mean(1) if lengths is None else zero_padding(x, lengths).sum(1) / lengths[:, None]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("padding_is_inert", Careless),
        ("row_equals_itself_alone", Careless),
        ("padding_comes_out_zero", Careless),
        ("arguments_are_not_written_to", Zeroing),
        ("whole_rows_need_no_lengths", Shy),
        ("row_without_frames_is_answered", Dividing),
    ],
)
def test_lengths_law_refuses(name, broken):
    with pytest.raises(AssertionError):
        dict(lengths_laws(broken, (5, 2), 1, 1))[name]()


class Doubling(nn.Module):
    """Doubles its own argument."""

    def forward(self, x):
        return x.mul_(2)


class Fussy(nn.Module):
    """Looks at its first row, at a value, and at how many rows there are."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x):
        shown = x[0].sum().item()
        return x * self.scale if shown > 0 else x[: len(x)].reshape(len(x), -1, 2) * self.scale


class Rounded(nn.Module):
    """Has a gradient of zero, and is coarse in float32."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x):
        y = x * self.scale.detach() + 0 * self.scale
        return y.bfloat16().float() if y.dtype == torch.float32 else y


@pytest.mark.parametrize(
    ("name", "broken", "error"),
    [
        ("gradients_equal_finite_differences", Rounded, AssertionError),
        ("float32_agrees_with_float64", Rounded, AssertionError),
        ("input_is_not_written_to", Doubling, AssertionError),
        ("no_rows_give_no_rows", Fussy, IndexError),
        ("compiles_as_one_graph", Fussy, Exception),
        ("exports_for_any_number_of_rows", Fussy, Exception),
    ],
)
def test_module_law_refuses(name, broken, error):
    laws = dict(module_laws(broken, (5, 2))) | dict(tracing_laws(broken, (5, 2)))
    with pytest.raises(error):
        laws[name]()


class Boastful(Grid):
    """Claims another stride and more channels than it has."""

    channels, strides = (3,), (4,)

    def features(self, x, lengths=None):
        return [x[:, :, ::2]]


@pytest.mark.parametrize("name", ["channels_are_those_of_the_maps", "one_stride_more_gives_one_cell_more"])
def test_grid_law_refuses(name):
    with pytest.raises(AssertionError):
        dict(grid_laws(Boastful, (2, 8)))[name]()


def test_a_model_may_not_have_its_own_forward():
    class Own(GRU):
        def forward(self, x, state=None, *, lengths=None):
            return super().forward(x, state, lengths=lengths)

    with pytest.raises(AssertionError, match="base class"):
        dict(recurrent_laws(lambda: Own(2, 3), (4, 2)))["forward_equals_the_fold_of_step"]()
