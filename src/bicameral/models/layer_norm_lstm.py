"""LSTM that normalises what input and state say to the gates, and the cell it shows.

Ba, Kiros and Hinton 2016, arXiv 1607.06450, equations 20 to 22. Differs: the three biases of the gates are
one, as only their sum matters; gains start at one; forget bias one, orthogonal recurrent weights. Such a
start is chaotic: a change of 1e-4 of the input is one of 1e-2 of the output 128 frames later.
"""

from dataclasses import dataclass
from functools import partial

from bicameral.models.lstm import LSTMConfig
from bicameral.nn import gated
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LayerNormLSTMConfig(LSTMConfig):
    """How wide and deep."""


@model(
    "layer_norm_lstm",
    config=LayerNormLSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1607.06450",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class LayerNormLSTM(Stack):
    """i, f, g, o = LN(W x_t) + LN(U h) + b; c = σ(f) c + σ(i) tanh(g); h = σ(o) tanh(LN(c))."""

    def __init__(self, shape: tuple[int, ...], config: LayerNormLSTMConfig):
        layer = partial(gated.LayerNormLSTM, width=config.width)
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
