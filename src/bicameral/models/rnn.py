"""Simple recurrent network.

Elman 1990. Differs: torch's two biases, orthogonal recurrent weights; the output is the hidden layer itself;
with `relu` and those weights it is close to Le, Jaitly and Hinton 2015, arXiv 1504.00941.
"""

from dataclasses import dataclass

from bicameral.models import require_choice, require_counts, require_fractions
from bicameral.nn import gated
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class RNNConfig:
    """How wide and deep, and what bends the line."""

    width: int = 128  # units a layer
    depth: int = 1  # layers
    dropout: float = 0.0  # between layers, in training
    nonlinearity: str = "tanh"  # or relu

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth")
        require_fractions(self, "dropout")
        require_choice(self, "nonlinearity", ("tanh", "relu"))


@model(
    "rnn",
    config=RNNConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://doi.org/10.1207/s15516709cog1402_1",
    sizes={"small": {"width": 32}, "medium": {"width": 160}, "large": {"width": 256, "depth": 2}},
    causal=True,
)
class RNN(gated.RNN):
    """h = tanh(W x_t + U h)."""

    def __init__(self, shape: tuple[int, ...], config: RNNConfig):
        super().__init__(
            shape[-1],
            config.width,
            depth=config.depth,
            dropout=config.dropout,
            nonlinearity=config.nonlinearity,
        )
