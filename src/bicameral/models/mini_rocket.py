"""Fixed dilated kernels whose features are shares of positive values; only the head is fitted, at once.

Dempster, Schmidt and Webb 2021, MiniRocket, arXiv 2012.08791, with the channels of the authors' multivariate
version.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.models import require_counts
from bicameral.nn.masking import Lengths, require_frames
from bicameral.nn.rocket import NUM_KERNELS, RocketKernels
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class MiniRocketConfig:
    """How many features."""

    num_features: int = 9996  # rounded down to a multiple of 84, but at least 84

    def __post_init__(self) -> None:
        require_counts(self, "num_features")


@model(
    "mini_rocket",
    config=MiniRocketConfig,
    family="baseline",
    reads="sequence",
    gives="vector",
    paper="https://arxiv.org/abs/2012.08791",
    sizes={"small": {"num_features": 1008}, "medium": {"num_features": 4956}, "large": {}},
    fitted="ridge",
    prepares=True,
)
class MiniRocket(RocketKernels):
    """For each kernel, dilation and bias: the share of frames at which kernel * x exceeds the bias."""

    def __init__(self, shape: tuple[int, ...], config: MiniRocketConfig):
        per_kernel = max(1, config.num_features // NUM_KERNELS)
        super().__init__(shape[0], shape[1], per_kernel)
        self.width = NUM_KERNELS * per_kernel

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b e"]:
        require_frames(x)
        shares = []
        for response, counted, biases in self.responses(x, lengths):
            response = response.masked_fill(~counted, float("-inf"))
            above = [(response > bias[:, None]).sum(-1) for bias in biases.unbind(1)]
            shares.append(torch.stack(above, -1) / counted.sum(-1, keepdim=True).clamp(min=1))
        return torch.cat(shares, -1).flatten(1).to(x.dtype)
