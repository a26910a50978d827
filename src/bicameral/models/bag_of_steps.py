"""Blind to order: a network on each frame, then mean and maximum over time.

Zaheer et al. 2017, Deep Sets, arXiv 1703.06114. Differs: both pools are used. A sequence model that cannot
beat this one draws nothing from order.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import Lengths, masked_max, masked_mean, require_frames, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class BagOfStepsConfig:
    """How wide and deep."""

    width: int = 64  # units a layer of the network on each frame
    depth: int = 2  # its layers

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth")


@model(
    "bag_of_steps",
    config=BagOfStepsConfig,
    family="control",
    reads="sequence",
    gives="vector",
    paper="https://arxiv.org/abs/1703.06114",
    sizes={"small": {"width": 32}, "medium": {"width": 64}, "large": {"width": 128}},
)
class BagOfSteps(nn.Module):
    """Any permutation of the frames gives the same vector."""

    def __init__(self, shape: tuple[int, ...], config: BagOfStepsConfig):
        super().__init__()
        self.width = 2 * config.width
        inputs = [shape[-1]] + [config.width] * (config.depth - 1)
        self.layers = nn.Sequential(*(_layer(num_inputs, config.width) for num_inputs in inputs))

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b e"]:
        require_frames(x)
        y = self.layers(zero_padding(x, lengths))
        return torch.cat([masked_mean(y, lengths), masked_max(y, lengths)], 1)


def _layer(num_inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_inputs, width), nn.ReLU())
