"""A forecast by one linear map of the change since the last frame, solved at once: NLinear without training.

Toner and Darlow 2024, "An analysis of linear time series forecasting models", arXiv 2403.14587. One map is
shared by all channels. Differs: no intercept; where windows move very differently, they weigh alike.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model

PENALTIES = tuple(np.logspace(-6, 3, 19).tolist())  # in units of the mean square of a look-back's frame
HELD_OUT = 0.2  # of the windows, the last ones: they choose the penalty
UNLIKE = 10.0  # times: windows move very differently
ROWS = 4096  # multiplied at once, in single precision
TINY = 1e-12  # keeps what never moves solvable


@dataclass(frozen=True, kw_only=True)
class RidgeMapConfig:
    """Nothing to choose."""

    horizon: int = 1  # frames to forecast; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon")


@model(
    "ridge_map",
    config=RidgeMapConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/2403.14587",
    sizes={"default": {}},
    fitted="windows",
)
class RidgeMap(nn.Module):
    """last + W (x - last)."""

    weight: Float[Tensor, "horizon t"]

    def __init__(self, shape: tuple[int, ...], config: RidgeMapConfig):
        super().__init__()
        self.register_buffer("weight", torch.zeros(config.horizon, shape[0]))

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x, num_frames=self.weight.shape[1])
        last = x[:, -1:]
        return last + self.weight @ (x - last)

    def fit_windows(self, x: Float[Tensor, "n t d"], y: Float[Tensor, "n horizon d"]) -> None:
        """Fit the map to windows in order of time, of the channels that are to be forecast."""
        before, after = (part.transpose(1, 2) for part in (x - x[:, -1:], y - x[:, -1:]))
        before, after = _alike(before, after)
        early = max(1, int((1 - HELD_OUT) * len(x)))
        first, late = (_Sums.of(before[some], after[some]) for some in (slice(early), slice(early, None)))
        errors = [late.error(first.solved(penalty)) for penalty in PENALTIES]
        whole = _Sums(*(one + other for one, other in zip(first, late, strict=True)))
        self.weight.copy_(whole.solved(PENALTIES[int(np.argmin(errors))]))


def _alike(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Windows of every channel, scaled by how much each moves where that differs very much."""
    spread = before.square().mean(-1, keepdim=True).sqrt()
    moving = spread[spread > 0]
    if not len(moving):
        return before, after
    low, high = np.quantile(moving.numpy(), [0.1, 0.9])
    scale = spread.clamp(min=float(low)) if high > UNLIKE * low else 1
    return before / scale, after / scale


class _Sums(NamedTuple):
    """Products of look-backs with look-backs and with what follows, and squares of that."""

    gram: Float[Tensor, "t t"]
    cross: Float[Tensor, "t horizon"]
    squares: Float[Tensor, ""]

    @classmethod
    def of(cls, before: Float[Tensor, "n d t"], after: Float[Tensor, "n d horizon"]) -> "_Sums":
        gram = torch.zeros(before.shape[2], before.shape[2], dtype=torch.float64)
        cross, squares = torch.zeros(len(gram), after.shape[2], dtype=torch.float64), gram.new_zeros(())
        for x, y in zip(before.flatten(0, 1).split(ROWS), after.flatten(0, 1).split(ROWS), strict=True):
            gram += x.mT @ x
            cross += x.mT @ y
            squares += y.square().sum()
        return cls(gram, cross, squares)

    def solved(self, penalty: float) -> Float[Tensor, "horizon t"]:
        damped = self.gram + (penalty * self.gram.trace() / len(self.gram) + TINY) * torch.eye(
            len(self.gram), dtype=self.gram.dtype
        )
        return torch.linalg.solve(damped, self.cross).mT

    def error(self, weight: Float[Tensor, "horizon t"]) -> float:
        quadratic = (weight @ self.gram * weight).sum()
        return float(self.squares - 2 * (weight * self.cross.mT).sum() + quadratic)
