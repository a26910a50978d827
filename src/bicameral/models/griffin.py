"""Gated linear recurrences and local attention in turn, between gated MLPs.

De et al. 2024, arXiv 2402.19427. Differs as Hawk does; the released code lets a frame see one frame more than
the window counts, here the window counts the frame itself.
"""

from dataclasses import dataclass

from bicameral.models import require_choice, require_counts, require_multiple
from bicameral.models.hawk import HawkConfig, RecurrentBlock, between_mlps
from bicameral.nn.local_attention import LocalAttention
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack
from bicameral.registry import model

PERIOD = 3  # two recurrent blocks, one of attention


@dataclass(frozen=True, kw_only=True)
class GriffinConfig(HawkConfig):
    """How wide and deep, how long it remembers at the start, how far it looks back."""

    depth: int = 3  # pairs of a block and an MLP; every third block attends
    num_heads: int = 4  # of queries; they share one head of keys and values
    window: int = 128  # frames that are seen, the frame itself included; the paper's have 1024
    rotary: str = "half"  # dimensions of a head that know positions, half in the code

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(self, "num_heads", "window")
        require_choice(self, "rotary", ("half", "all"))
        require_multiple(self, "width", "num_heads", times=4)


@model(
    "griffin",
    config=GriffinConfig,
    family="hybrid",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2402.19427",
    sizes={
        "small": {"width": 32, "recurrent_width": 48},
        "medium": {"width": 64},
        "large": {"width": 96, "recurrent_width": 128, "depth": 6},
    },
    causal=True,
    bounded=("window",),
)
class Griffin(Stack):
    """A projection, pairs of a block and an MLP, a last norm; every third block attends, the others recur."""

    def __init__(self, shape: tuple[int, ...], config: GriffinConfig):
        blocks = (_block(config, number) for number in range(config.depth))
        super().__init__(between_mlps(shape[-1], config, blocks))


def _block(config: GriffinConfig, number: int) -> Recurrent:
    if number % PERIOD < PERIOD - 1:
        return RecurrentBlock(config)
    head = config.width // config.num_heads
    return LocalAttention(
        config.width,
        config.num_heads,
        window=config.window,
        num_rotated=head if config.rotary == "all" else head // 2,
        variance=2 / config.depth,
    )
