"""LSTM whose gates see the cell.

Gers and Schmidhuber 2000, "Recurrent nets that time and count". Differs: trained by full backpropagation
through time; one cell a block; the peepholes start at zero; forget bias one, orthogonal recurrent weights.
"""

from dataclasses import dataclass
from functools import partial

from bicameral.models.lstm import LSTMConfig
from bicameral.nn import gated
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class PeepholeLSTMConfig(LSTMConfig):
    """How wide and deep."""


@model(
    "peephole_lstm",
    config=PeepholeLSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://doi.org/10.1109/IJCNN.2000.861302",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class PeepholeLSTM(Stack):
    """i, f = σ(W x_t + U h + p c); c = f c + i tanh(W x_t + U h); o = σ(W x_t + U h + p c); h = o tanh(c)."""

    def __init__(self, shape: tuple[int, ...], config: PeepholeLSTMConfig):
        layer = partial(gated.PeepholeLSTM, width=config.width)
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
