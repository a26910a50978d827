"""Decoder-only Transformer over a sequence: every frame sees itself and what came before it.

Liu et al. 2018, arXiv 1801.10198. Differs: norms before the branches and one at the end, as in GPT-2; rotary
positions (Su et al. 2021, arXiv 2104.09864); a window, so that the state does not grow; frames projected
instead of words embedded; output projections start small, by depth.
"""

from dataclasses import dataclass

from torch import nn

from bicameral.models import require_counts, require_fractions, require_multiple
from bicameral.nn.lecun import lecun_linear
from bicameral.nn.local_attention import LocalAttention
from bicameral.nn.pre_norm import PreNormStack
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Framewise
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class CausalTransformerConfig:
    """How wide, deep and far-sighted."""

    width: int = 64  # of the residual stream
    depth: int = 2  # blocks
    num_heads: int = 4  # of each block; they share the width
    window: int = 256  # frames that each block sees, the frame itself included
    expansion: int = 4  # width of each MLP, in widths
    dropout: float = 0.1  # on each branch, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "num_heads", "window", "expansion")
        require_fractions(self, "dropout")
        require_multiple(self, "width", "num_heads", times=2)


@model(
    "causal_transformer",
    config=CausalTransformerConfig,
    family="attention",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1801.10198",
    sizes={"small": {"width": 32}, "medium": {"width": 64}, "large": {"width": 128, "depth": 4}},
    causal=True,
    bounded=("window",),
)
class CausalTransformer(PreNormStack):
    """A projection, residual attention and MLP in turn, a last norm; the state is the keys and values."""

    def __init__(self, shape: tuple[int, ...], config: CausalTransformerConfig):
        branches = [branch(config) for _ in range(config.depth) for branch in (_attention, _mlp)]
        super().__init__(shape[-1], branches, dropout=config.dropout)


def _attention(config: CausalTransformerConfig) -> Recurrent:
    return LocalAttention(
        config.width,
        config.num_heads,
        window=config.window,
        num_kv_heads=config.num_heads,
        num_rotated=config.width // config.num_heads,
        bias=True,
        variance=1 / (2 * config.depth),
    )


def _mlp(config: CausalTransformerConfig) -> Recurrent:
    inside = config.expansion * config.width
    up, down = (
        lecun_linear(config.width, inside),
        lecun_linear(inside, config.width, variance=1 / (2 * config.depth)),
    )
    return Framewise(nn.Sequential(up, nn.GELU(), nn.Dropout(config.dropout), down), config.width)
