"""Every law of the contracts refuses a layer that breaks it."""

import pytest
import torch
from torch import nn

from bicameral.nn.gated import GRU
from bicameral.nn.grid import Grid
from bicameral.nn.recurrent import Recurrent
from bicameral.testing import grid_laws, lengths_laws, recurrent_laws


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


RECURRENT = {
    "forward_equals_the_fold_of_step": OtherScan,
    "gradients_equal_those_of_the_fold": OtherGradient,
    "sequence_may_be_cut_anywhere": Forgetful,
    "state_stops_at_lengths": Overrunning,
    "output_is_causal": Foreseeing,
    "documents_answer_as_they_do_alone": Unheeding,
    "step_and_state_are_not_written_to": Overwriting,
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


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("padding_is_inert", Careless),
        ("row_equals_itself_alone", Careless),
        ("padding_comes_out_zero", Careless),
        ("arguments_are_not_written_to", Zeroing),
    ],
)
def test_lengths_law_refuses(name, broken):
    with pytest.raises(AssertionError):
        dict(lengths_laws(broken, (5, 2), 1, 1))[name]()


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
