"""A forecast by two linear maps: one of the trend, one of what remains.

Zeng et al. 2023, "Are transformers effective for time series forecasting?", arXiv 2205.13504. Shared over
channels, as in the paper's tables. Differs: weights start at 1/L, the mean over the look-back, which the
released code offers and leaves commented out; there they start at random.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.errors import ConfigError
from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class DLinearConfig:
    """The window that says what trend is."""

    horizon: int = 1  # frames to forecast; the task fills it in
    kernel: int = 25  # frames of the moving average, odd

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "kernel")
        if self.kernel % 2 == 0:
            raise ConfigError(f"DLinearConfig.kernel is {self.kernel}; expected an odd number of frames")


@model(
    "dlinear",
    config=DLinearConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/2205.13504",
    sizes={"default": {}},
)
class DLinear(nn.Module):
    """W trend(x) + V (x - trend(x))."""

    def __init__(self, shape: tuple[int, ...], config: DLinearConfig):
        super().__init__()
        self.num_frames = shape[0]
        self.kernel = config.kernel
        self.seasonal, self.trend = (nn.Linear(shape[0], config.horizon) for _ in range(2))
        for layer in (self.seasonal, self.trend):
            nn.init.constant_(layer.weight, 1 / shape[0])

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x, num_frames=self.num_frames)
        x = x.transpose(1, 2)
        trend = moving_average(x, self.kernel)
        return (self.seasonal(x - trend) + self.trend(trend)).transpose(1, 2)


def moving_average(x: Float[Tensor, "b d t"], kernel: int) -> Float[Tensor, "b d t"]:
    """Centred mean over `kernel` frames, the first and last frame repeated beyond the edges."""
    reach = kernel // 2
    return functional.avg_pool1d(functional.pad(x, (reach, reach), mode="replicate"), kernel, stride=1)
