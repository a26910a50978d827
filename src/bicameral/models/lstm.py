"""Long short-term memory.

Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000. Differs: no peepholes, torch's two
biases, forget bias one (Jozefowicz et al. 2015), orthogonal recurrent weights.
"""

from dataclasses import dataclass

from bicameral.models import require_counts, require_fractions
from bicameral.nn import gated
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LSTMConfig:
    """How wide and deep."""

    width: int = 128  # units a layer
    depth: int = 1  # layers
    dropout: float = 0.0  # between layers, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth")
        require_fractions(self, "dropout")


@model(
    "lstm",
    config=LSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://doi.org/10.1162/neco.1997.9.8.1735",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class LSTM(gated.LSTM):
    """i, f, o = σ(W x_t + U h); c = f c + i tanh(W x_t + U h); h = o tanh(c)."""

    def __init__(self, shape: tuple[int, ...], config: LSTMConfig):
        super().__init__(shape[-1], config.width, depth=config.depth, dropout=config.dropout)
