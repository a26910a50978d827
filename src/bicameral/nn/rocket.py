"""The fixed dilated kernels of MiniRocket, and the biases that a training part gives them.

Dempster, Schmidt and Webb 2021, arXiv 2012.08791, with the channels of the authors' multivariate version.
Differs: rows may have different lengths, or be too short for a kernel, which then also sees zeroes.
"""

import math
from collections.abc import Iterator
from itertools import combinations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.masking import Lengths, zero_padding

TAPS = 9
NUM_KERNELS = 84  # ways to choose which three of nine taps weigh 2; the others weigh -1
MOST_CHANNELS = 9  # seen by one kernel
MOST_DILATIONS = 32


class RocketKernels(nn.Module):
    """84 kernels at dilations up to the length of a series, each with a few biases.

    per_kernel  biases of a kernel, spread over the dilations
    """

    weights: Float[Tensor, "84 9"]
    channels: Float[Tensor, "n 84 d"]  # 1 where a kernel sees a channel, for each of n dilations
    biases: Float[Tensor, "84 m"]

    def __init__(self, num_frames: int, num_channels: int, per_kernel: int):
        super().__init__()
        self.dilations, self.counts = spread(num_frames, per_kernel)
        self.register_buffer("weights", kernels())
        self.register_buffer("channels", _subsets(len(self.dilations), num_channels))
        self.register_buffer("biases", torch.zeros(NUM_KERNELS, per_kernel))

    @torch.no_grad()
    def prepare(self, x: Float[Tensor, "n t d"], lengths: Lengths = None) -> None:
        """Set every bias to a quantile of the response of its kernel to a random training example."""
        quantiles = golden_quantiles(self.biases.numel()).to(x).split([NUM_KERNELS * m for m in self.counts])
        levels = self.biases.split(self.counts, 1)
        for level, (biases, wanted) in enumerate(zip(levels, quantiles, strict=True)):
            for kernel, row in enumerate(torch.randint(len(x), (NUM_KERNELS,)).tolist()):
                end = x.shape[1] if lengths is None else int(lengths[row])
                response = self.respond(x[row : row + 1, :end], level, slice(kernel, kernel + 1))
                biases[kernel] = response.flatten().quantile(wanted.view(NUM_KERNELS, -1)[kernel])

    def responses(
        self, x: Float[Tensor, "b t d"], lengths: Lengths = None
    ) -> Iterator[tuple[Float[Tensor, "b 84 t"], Bool[Tensor, "b 84 t"], Float[Tensor, "84 m"]]]:
        """Each dilation's responses, the frames that count, and its biases."""
        x = zero_padding(x, lengths)
        if lengths is None:
            lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
        for level, biases in enumerate(self.biases.split(self.counts, 1)):
            yield self.respond(x, level), self.counted(lengths, x.shape[1], level), biases

    def respond(
        self, x: Float[Tensor, "b t d"], level: int, chosen: slice = slice(None)
    ) -> Float[Tensor, "b k t"]:
        """Return kernel * x of one dilation, zeroes beyond the edges."""
        weight = self.channels[level][chosen, :, None] * self.weights[chosen, None]
        dilation = self.dilations[level]
        return functional.conv1d(x.transpose(1, 2), weight, padding=dilation * (TAPS // 2), dilation=dilation)

    def counted(self, lengths: Int[Tensor, "b"], num_frames: int, level: int) -> Bool[Tensor, "b 84 t"]:
        """Every other kernel counts only frames where it sees no zeroes beyond the edges."""
        t = torch.arange(num_frames, device=lengths.device)
        reach, ends = self.dilations[level] * (TAPS // 2), lengths[:, None]
        whole = t < ends
        inside = torch.where(ends > 2 * reach, (t >= reach) & (t < ends - reach), whole)
        odd = (torch.arange(NUM_KERNELS, device=t.device) + level) % 2 == 1
        return torch.where(odd[:, None], inside[:, None], whole[:, None])


def kernels() -> Float[Tensor, "84 9"]:
    """Return all kernels of nine taps with three weights of 2 and six of -1."""
    weights = -torch.ones(NUM_KERNELS, TAPS)
    for row, taps in enumerate(combinations(range(TAPS), 3)):
        weights[row, list(taps)] = 2
    return weights


def spread(num_frames: int, per_kernel: int) -> tuple[list[int], list[int]]:
    """Return dilations growing exponentially to the length of a series, and how many biases each has."""
    num_levels = min(per_kernel, MOST_DILATIONS)
    largest = math.log2(max(1, (num_frames - 1) / (TAPS - 1)))
    exponents = torch.linspace(0, largest, num_levels, dtype=torch.float64)
    dilations, counts = (2**exponents).long().unique(return_counts=True)
    counts = (counts * (per_kernel / num_levels)).long()
    counts[torch.arange(per_kernel - int(counts.sum())) % len(counts)] += 1
    return dilations.tolist(), counts.tolist()


def golden_quantiles(num_quantiles: int) -> Float[Tensor, "n"]:
    """Return multiples of the golden ratio modulo 1: spread evenly, whichever stretch of them is taken."""
    return torch.arange(1, num_quantiles + 1, dtype=torch.float64) * (math.sqrt(5) + 1) / 2 % 1


def _subsets(num_dilations: int, num_channels: int) -> Float[Tensor, "n 84 d"]:
    """Channels of each kernel: a random subset whose size is drawn log-uniformly."""
    most = math.log2(min(num_channels, MOST_CHANNELS) + 1)
    sizes = (2 ** (torch.rand(num_dilations, NUM_KERNELS, 1) * most)).floor()
    ranks = torch.rand(num_dilations, NUM_KERNELS, num_channels).argsort(-1).argsort(-1)
    return (ranks < sizes).float()
