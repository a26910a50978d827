"""Hydra: random kernels in groups that compete, frame by frame, for the best and the worst match.

Dempster, Schmidt and Webb 2023, "Hydra", arXiv 2203.13652. Differs: counts are shares of the frames, whatever
their number, and square roots of them are returned.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.masking import Lengths, valid_frames, zero_padding

TAPS = 9
MOST_CHANNELS = 8  # summed by one group


class HydraKernels(nn.Module):
    """For each dilation, group and kernel: how much it won by in all, and how often it matched worst."""

    channels: Float[Tensor, "n g d"]  # how often a group adds a channel, for each of n dilations
    weights: Float[Tensor, "n g*k taps"]

    def __init__(self, num_frames: int, num_channels: int, num_groups: int = 32, num_kernels: int = 8):
        super().__init__()
        self.num_kernels = num_kernels
        largest = int(math.log2(max(1, (num_frames - 1) / (TAPS - 1))))
        self.dilations = [2**exponent for exponent in range(largest + 1)]
        self.width = 2 * len(self.dilations) * num_groups * num_kernels
        weights = torch.randn(len(self.dilations), num_groups * num_kernels, TAPS)
        weights = weights - weights.mean(-1, keepdim=True)
        self.register_buffer("weights", weights / weights.abs().sum(-1, keepdim=True))
        self.register_buffer("channels", _drawn(len(self.dilations), num_groups, num_channels))

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b e"]:
        if lengths is None:
            lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
        inside = valid_frames(lengths, x.shape[1])[:, None].to(x.dtype)
        found = list(self._counts(zero_padding(x, lengths), inside))
        return (torch.cat(found, 1) / lengths[:, None]).clamp(min=0).sqrt()

    def _counts(self, x: Tensor, inside: Tensor) -> Iterator[Float[Tensor, "b g*k"]]:
        for dilation, channels, weights in zip(self.dilations, self.channels, self.weights, strict=True):
            summed = (x @ channels.mT).transpose(1, 2)
            padding, groups = dilation * (TAPS // 2), len(channels)
            response = functional.conv1d(
                summed, weights[:, None], padding=padding, dilation=dilation, groups=groups
            ).unflatten(1, (groups, self.num_kernels))
            best, winner = response.max(2)
            loser = response.min(2).indices  # several times as fast as argmin
            yield self._summed(winner, best * inside)
            yield self._summed(loser, inside.expand_as(best))

    def _summed(self, place: Tensor, value: Tensor) -> Tensor:
        empty = value.new_zeros(*value.shape[:2], self.num_kernels)
        return empty.scatter_add(2, place, value).flatten(1)


def _drawn(num_dilations: int, num_groups: int, num_channels: int) -> Float[Tensor, "n g d"]:
    if num_channels == 1:
        return torch.ones(num_dilations, num_groups, 1)
    taken = min(MOST_CHANNELS, max(2, num_channels // 2))
    drawn = torch.randint(num_channels, (num_dilations, num_groups, taken))
    return functional.one_hot(drawn, num_channels).sum(2).float()
