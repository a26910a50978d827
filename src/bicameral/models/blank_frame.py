"""Every pixel to come has the lowest value seen: an empty screen, a dry sky.

Where what moves is small and rare, this constant beats persistence in squared error, so it stands beside it.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class BlankFrameConfig:
    """Nothing to choose."""

    horizon: int = 1  # frames to predict; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon")


@model(
    "blank_frame",
    config=BlankFrameConfig,
    family="baseline",
    reads="frames",
    gives="forecast",
    paper="https://otexts.com/fpp3/simple-methods.html",
    sizes={"default": {}},
)
class BlankFrame(nn.Module):
    """No parameters; the lowest value is that of each channel of the clip."""

    def __init__(self, shape: tuple[int, ...], config: BlankFrameConfig):  # noqa: ARG002
        super().__init__()
        self.horizon = config.horizon

    def forward(self, x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b horizon c h w"]:
        require_frames(x)
        lowest = x.amin((1, 3, 4), keepdim=True)
        return lowest.expand(-1, self.horizon, -1, *x.shape[3:])
