"""MultiRocket's and Hydra's features of a series and of its changes; only the head is fitted, at once.

Tan, Dempster, Bergmeir and Webb 2022, "MultiRocket", arXiv 2102.00457; Dempster, Schmidt and Webb 2023,
"Hydra", arXiv 2203.13652. Differs: rows are stretched to one length; level, spread and length are features of
their own; all are scaled alike.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.hydra import HydraKernels
from bicameral.nn.masking import Lengths, require_frames, zero_padding
from bicameral.nn.rocket import NUM_KERNELS, RocketKernels
from bicameral.nn.stretch import stretched
from bicameral.registry import model

NUM_POOLED = 4
PLAIN = 0.1  # share of level, spread and length against the other features, each of them repeated
AT_ONCE = 2**18  # values of one frame pooled together


@dataclass(frozen=True, kw_only=True)
class MultiRocketHydraConfig:
    """How many features."""

    num_kernels: int = 3024  # with a bias, of the series and of its changes each; rounded down to 84s
    num_groups: int = 32  # of Hydra, of the series and of its changes each

    def __post_init__(self) -> None:
        require_counts(self, "num_kernels", "num_groups")


@model(
    "multi_rocket_hydra",
    config=MultiRocketHydraConfig,
    family="baseline",
    reads="sequence",
    gives="vector",
    paper="https://arxiv.org/abs/2203.13652",
    exempt=dict.fromkeys(
        ("gradients_equal_finite_differences", "largest_size_gradient_equals_finite_difference"),
        "its features have no gradient: the head alone is fitted",
    ),
    sizes={
        "small": {"num_kernels": 336, "num_groups": 8},
        "medium": {"num_kernels": 1512, "num_groups": 32},
        "large": {"num_kernels": 6216},
    },
    fitted="ridge",
    prepares=True,
)
class MultiRocketHydra(nn.Module):
    """Four statistics of each kernel's positive responses, and wins and losses of competing kernels."""

    def __init__(self, shape: tuple[int, ...], config: MultiRocketHydraConfig):
        super().__init__()
        num_frames, num_channels = shape
        per_kernel = max(1, config.num_kernels // NUM_KERNELS)
        changes = max(1, num_frames - 1)
        self.rockets: Any = nn.ModuleList(
            RocketKernels(frames, num_channels, per_kernel) for frames in (num_frames, changes)
        )
        self.hydras: Any = nn.ModuleList(
            HydraKernels(frames, num_channels, config.num_groups) for frames in (num_frames, changes)
        )
        self.num_frames = num_frames
        width = 2 * NUM_POOLED * NUM_KERNELS * per_kernel + sum(hydra.width for hydra in self.hydras)
        num_plain = 2 * num_channels + 1
        self.times = max(1, round(PLAIN * width / num_plain))
        self.width = width + self.times * num_plain

    @torch.no_grad()
    def prepare(self, x: Float[Tensor, "n t d"], lengths: Lengths = None) -> None:
        """Set every bias to a quantile of the response of its kernel to a random training example."""
        x = stretched(zero_padding(x, lengths), lengths, self.num_frames)
        both = _with_changes(_moving(x))
        for rocket, seen in zip(self.rockets, both, strict=True):
            rocket.prepare(seen)

    @torch.no_grad()  # pooled in place, for speed
    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b e"]:
        require_frames(x)
        size = torch.full((x.shape[0],), x.shape[1], device=x.device) if lengths is None else lengths
        x = stretched(zero_padding(x, lengths), lengths, self.num_frames)
        both, plain = _with_changes(_moving(x)), _plain(x, size)
        pooled = [_pooled(rocket, seen) for rocket, seen in zip(self.rockets, both, strict=True)]
        matched = [hydra(seen) for hydra, seen in zip(self.hydras, both, strict=True)]
        return torch.cat([*pooled, *matched, plain.repeat(1, self.times)], 1)


def _plain(x: Float[Tensor, "b t d"], size: Int[Tensor, " b"]) -> Float[Tensor, "b e"]:
    """Mean and deviation of each channel, and the logarithm of how many frames there were."""
    mean = x.mean(1, keepdim=True)
    spread = (x - mean).square().mean(1).sqrt()  # not std(), which warns of a batch without rows
    return torch.cat([mean[:, 0], spread, size[:, None].clamp(min=1).to(x).log()], 1)


def _moving(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
    """Zero where a channel never changes in a row: kernels that sum to zero would see rounding errors."""
    return x.where((x != x[:, :1]).any(1, keepdim=True), 0)


def _with_changes(x: Float[Tensor, "b t d"]) -> tuple[Tensor, Tensor]:
    """The series, and how it changes from frame to frame."""
    return x, torch.zeros_like(x) if x.shape[1] == 1 else x.diff(dim=1)


def _pooled(rocket: RocketKernels, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b e"]:
    rows = max(1, AT_ONCE // rocket.biases.numel())
    parts = [x] if torch.compiler.is_compiling() else x.split(rows)
    found = [[pool(*level).flatten(1) for level in rocket.responses(part)] for part in parts]
    return torch.cat([torch.cat(part, 1) for part in found])


def pool(
    response: Float[Tensor, "b k t"], counted: Tensor, biases: Float[Tensor, "k m"]
) -> Float[Tensor, "b k m*4"]:
    """Of the frames above each bias: their share, mean excess, mean place and longest run."""
    frames = response.masked_fill(~counted, float("-inf")).permute(2, 0, 1).contiguous()[..., None]
    count, total, place, run, longest = frames.new_zeros(5, *frames.shape[1:3], biases.shape[1])
    excess = torch.empty_like(count)
    for t in range(len(frames)):
        torch.sub(frames[t], biases, out=excess)
        total += excess.clamp_(min=0)
        excess.sign_()  # 1 above the bias, else 0
        count += excess
        place.add_(excess, alpha=t)
        run.add_(1).mul_(excess)
        torch.maximum(longest, run, out=longest)
    whole = counted.sum(-1)[..., None].clamp(min=1)
    some = count.clamp(min=1)
    first = counted.to(torch.uint8).argmax(-1)[..., None]
    place = ((place / some - first) / whole).where(count > 0, -1)
    return torch.cat([count / whole, total / some, place, longest / whole], 2)
