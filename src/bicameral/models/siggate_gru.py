"""GRU whose reset gate sees the path's signature alone.

Genet and Inzirillo 2025, arXiv 2502.09318; what was read and what differs stands in `siggate_lstm`. As in our
GRU, the reset gate acts after the recurrent product and z keeps the old state.
"""

from functools import partial

from bicameral.models.siggate_lstm import SigGateConfig, seen
from bicameral.nn.siggate import SigGRU
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model


@model(
    "siggate_gru",
    config=SigGateConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2502.09318",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 2}},
    causal=True,
)
class SigGateGRU(Stack):
    """r = σ(W S_t + b), S_t the signature over time; z = σ(W x_t + U h); n = tanh(W x_t + r (U h))."""

    def __init__(self, shape: tuple[int, ...], config: SigGateConfig):
        layer = partial(SigGRU, **seen(config))
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
