"""LSTM that takes in as much as it forgets: the input gate is one minus the forget gate.

The variant CIFG of Greff, Srivastava, Koutnik, Steunebrink and Schmidhuber 2015, "LSTM: a search space
odyssey", arXiv 1503.04069. Differs: no peepholes, forget bias one, orthogonal recurrent weights.
"""

from dataclasses import dataclass
from functools import partial

from bicameral.models.lstm import LSTMConfig
from bicameral.nn import gated
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class CoupledLSTMConfig(LSTMConfig):
    """How wide and deep."""


@model(
    "coupled_lstm",
    config=CoupledLSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1503.04069",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class CoupledLSTM(Stack):
    """f, o = σ(W x_t + U h); c = f c + (1 - f) tanh(W x_t + U h); h = o tanh(c)."""

    def __init__(self, shape: tuple[int, ...], config: CoupledLSTMConfig):
        layer = partial(gated.CoupledLSTM, width=config.width)
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
