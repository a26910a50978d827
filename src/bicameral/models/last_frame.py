"""Persistence: the clip stands still.

The yardstick of nowcasting; Germann and Zawadzki 2002 call it Eulerian persistence.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LastFrameConfig:
    """Nothing to choose."""

    horizon: int = 1  # frames to predict; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon")


@model(
    "last_frame",
    config=LastFrameConfig,
    family="baseline",
    reads="frames",
    gives="forecast",
    paper="https://doi.org/10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2",
    sizes={"default": {}},
)
class LastFrame(nn.Module):
    """No parameters."""

    def __init__(self, shape: tuple[int, ...], config: LastFrameConfig):  # noqa: ARG002
        super().__init__()
        self.horizon = config.horizon

    def forward(self, x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b horizon c h w"]:
        require_frames(x)
        return x[:, -1:].expand(-1, self.horizon, -1, -1, -1)
