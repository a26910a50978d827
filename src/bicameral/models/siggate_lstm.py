"""LSTM whose forget gate sees the path's signature alone.

Genet and Inzirillo 2025, "SigGate", arXiv 2502.09318. Read: the abstract, and for what it leaves open (time
beside a projection to 3 channels, level 2, division by time) a public re-implementation. Differs: that code
lets time run from 0 to 1 over a known length; here one frame takes 1 / `time_scale`, so that a stream of
unknown length reads alike. The forget gate's bias starts at one, and recurrent weights are orthogonal, as in
our LSTM.
"""

from dataclasses import dataclass
from functools import partial

from bicameral.models import require_counts, require_fractions
from bicameral.nn.siggate import SigLSTM
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class SigGateConfig:
    """How wide and deep, and what the signature sees."""

    width: int = 128  # units a layer
    depth: int = 1  # layers
    projection: int = 3  # channels of the path beside time
    level: int = 2  # of the signature; (projection + 1)^level terms at the highest
    time_scale: int = 10  # frames that make a time of one
    dropout: float = 0.0  # between layers, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "projection", "level", "time_scale")
        require_fractions(self, "dropout")


@model(
    "siggate_lstm",
    config=SigGateConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2502.09318",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class SigGateLSTM(Stack):
    """f = σ(W S_t + b), S_t the signature over time; i, o = σ(W x_t + U h); c = f c + i tanh(W x_t + U h)."""

    def __init__(self, shape: tuple[int, ...], config: SigGateConfig):
        layer = partial(SigLSTM, **seen(config))
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)


def seen(config: SigGateConfig) -> dict[str, int]:
    """Return what a cell is told of its size and of the signature."""
    return {name: getattr(config, name) for name in ("width", "projection", "level", "time_scale")}
