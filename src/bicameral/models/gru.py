"""Gated recurrent unit.

Cho et al. 2014, arXiv 1406.1078. Differs as torch does: the reset gate acts after the recurrent product,
unless `reset` says "before"; two biases; orthogonal recurrent weights.
"""

from dataclasses import dataclass

from bicameral.models import require_choice, require_counts, require_fractions
from bicameral.nn import gated
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class GRUConfig:
    """How wide and deep."""

    width: int = 128  # units a layer
    depth: int = 1  # layers
    dropout: float = 0.0  # between layers, in training
    reset: str = "after"  # the recurrent product, or before it, as in the paper but slower

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth")
        require_fractions(self, "dropout")
        require_choice(self, "reset", ("after", "before"))


@model(
    "gru",
    config=GRUConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1406.1078",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class GRU(gated.GRU):
    """r, z = σ(W x_t + U h); n = tanh(W x_t + r (U h)); h = (1 - z) n + z h."""

    def __init__(self, shape: tuple[int, ...], config: GRUConfig):
        super().__init__(
            shape[-1], config.width, depth=config.depth, dropout=config.dropout, reset=config.reset
        )
