"""A forecast by one linear map of the change since the last frame.

Zeng et al. 2023, "Are transformers effective for time series forecasting?", arXiv 2205.13504. Shared over
channels, as in the paper's tables. Differs: weights start at 1/L, which the released code leaves commented
out (there they start at random); the gradient of the input passes through the last frame, too.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class NLinearConfig:
    """Nothing to choose."""

    horizon: int = 1  # frames to forecast; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon")


@model(
    "nlinear",
    config=NLinearConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/2205.13504",
    sizes={"default": {}},
)
class NLinear(nn.Module):
    """last + W (x - last)."""

    def __init__(self, shape: tuple[int, ...], config: NLinearConfig):
        super().__init__()
        self.num_frames = shape[0]
        self.linear = nn.Linear(shape[0], config.horizon)
        nn.init.constant_(self.linear.weight, 1 / shape[0])

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x, num_frames=self.num_frames)
        last = x[:, -1:]
        return last + self.linear((x - last).transpose(1, 2)).transpose(1, 2)
