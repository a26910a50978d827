"""The naive forecast: everything stays as it is.

Hyndman and Athanasopoulos, Forecasting: principles and practice, section 5.2.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LastValueConfig:
    """Nothing to choose."""

    horizon: int = 1  # frames to forecast; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon")


@model(
    "last_value",
    config=LastValueConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://otexts.com/fpp3/simple-methods.html",
    sizes={"default": {}},
)
class LastValue(nn.Module):
    """No parameters."""

    def __init__(self, shape: tuple[int, ...], config: LastValueConfig):  # noqa: ARG002
        super().__init__()
        self.horizon = config.horizon

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x)
        return x[:, -1:].repeat(1, self.horizon, 1)
