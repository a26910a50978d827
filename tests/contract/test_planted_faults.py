"""Faults that a plug-in may have, each planted in an honest layer and refused by a law by name.

The layer defines `scan` alone, as most do: its `step` is then a scan of one frame, and equals it whatever
both compute.
"""

import dataclasses

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from bicameral import registry
from bicameral.nn.masking import last_state
from bicameral.nn.recurrent import Recurrent
from bicameral.testing import model_laws


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """How wide."""

    width: int = 8


class Honest(Recurrent[Tensor]):
    """h = tanh(W x_t + u h), u one number a unit."""

    def __init__(self, shape, config):
        super().__init__()
        self.width = config.width
        self.input = nn.Linear(shape[-1], config.width)
        self.u = nn.Parameter(torch.linspace(0.1, 0.9, config.width))

    def initial_state(self, x_t):
        return self.output_like(x_t)

    def scan(self, x, state, lengths, resets=None):
        h, outputs, a = state, [], self.input(x)
        for t in range(x.shape[1]):
            if resets is not None:
                h = h.masked_fill(resets[:, t, None], 0)
            h = (a[:, t] + self.u * h).tanh()
            outputs.append(h)
        y = torch.stack(outputs, 1)
        return y, last_state(y, state, lengths)


class StateNotCarried(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan(x, torch.zeros_like(state), lengths, resets)


class PaddingLeaks(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan(
            x * (x != 0).any(2, keepdim=True).to(x).mean(1, keepdim=True), state, lengths, resets
        )


class LooksAhead(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan((x + x.roll(-1, 1)) / 2, state, lengths, resets)


class ScanIsNotStep(Honest):
    def step(self, x_t, state):
        y_t, state = super().step(x_t, state)
        return y_t + 1e-4, state


class WrongStateOfShortRows(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan(x, state, None, resets)


class IgnoresResets(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan(x, state, lengths)


class WritesToItsInput(Honest):
    def scan(self, x, state, lengths, resets=None):
        with torch.no_grad():
            x.mul_(1.5)
        return super().scan(x, state, lengths, resets)


class MixesRows(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan(x + x.mean(0, keepdim=True), state, lengths, resets)


class DropsAtEvaluation(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan(dropout(x, 0.5, training=True), state, lengths, resets)


class StateInFloat32(Honest):
    def initial_state(self, x_t):
        return torch.zeros(x_t.shape[0], self.width)


class StateOnTheProcessor(Honest):
    def initial_state(self, x_t):
        return torch.zeros(x_t.shape[0], self.width, dtype=x_t.dtype)


class HalvedGradient(Honest):
    def scan(self, x, state, lengths, resets=None):
        return super().scan((x + x.detach()) / 2, state, lengths, resets)


class SlopeOfOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a.tanh()

    @staticmethod
    def backward(ctx, grad):
        return grad


class WrongDerivative(Honest):
    def scan(self, x, state, lengths, resets=None):
        y, state = super().scan(x, state, lengths, resets)
        return SlopeOfOne.apply(y), state


class ChunkOffByOne(Honest):
    def scan(self, x, state, lengths, resets=None):
        y, last = super().scan(x[:, :64], state, None if lengths is None else lengths.clamp(max=64), resets)
        if x.shape[1] <= 64:
            return y, last
        more = None if lengths is None else (lengths - 64).clamp(min=0)
        rest, last = super().scan(x[:, 64:], y[:, -2], more, resets)
        return torch.cat([y, rest], 1), last


class WrongInFloat32(Honest):
    def scan(self, x, state, lengths, resets=None):
        y, state = super().scan(x, state, lengths, resets)
        return (y * 1.001 if x.dtype == torch.float32 else y), state


class WrongWhereWide(Honest):
    def scan(self, x, state, lengths, resets=None):
        start = torch.zeros_like(state) if self.width > 32 else state
        return super().scan(x, start, lengths, resets)


class ZeroForOneFrame(Honest):
    def scan(self, x, state, lengths, resets=None):
        y, state = super().scan(x, state, lengths, resets)
        return (y * 0 if lengths is not None and x.shape[1] == 1 else y), state


FAULTS = {
    StateNotCarried: "sequence_may_be_cut_anywhere",
    PaddingLeaks: "row_equals_itself_alone",
    LooksAhead: "output_is_causal",
    ScanIsNotStep: "forward_equals_the_fold_of_step",
    WrongStateOfShortRows: "state_stops_at_lengths",
    IgnoresResets: "documents_answer_as_they_do_alone",
    WritesToItsInput: "input_is_not_written_to",
    MixesRows: "row_equals_itself_alone",
    DropsAtEvaluation: "seed_decides_everything",
    StateInFloat32: "state_follows_its_input",
    StateOnTheProcessor: "state_follows_its_input",
    HalvedGradient: "gradients_equal_finite_differences",
    WrongDerivative: "gradients_equal_finite_differences",
    ChunkOffByOne: "long_rows_equal_their_pieces",
    WrongInFloat32: "float32_agrees_with_float64",
    WrongWhereWide: "largest_size_forward_equals_the_fold_of_step",
    ZeroForOneFrame: "whole_rows_need_no_lengths",
}


def laws_of(cls):
    return dict(
        model_laws(
            registry.Entry(
                name="planted",
                cls=cls,
                config=Config,
                family="recurrent",
                reads="sequence",
                gives="steps",
                paper="",
                sizes={"small": {}, "large": {"width": 40}},
                causal=True,
            )
        )
    )


def test_the_honest_layer_obeys_every_law(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    for law in laws_of(Honest).values():
        law()


@pytest.mark.parametrize(("broken", "law"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", ""))
def test_a_law_refuses(broken, law):
    with pytest.raises(AssertionError):
        laws_of(broken)[law]()
