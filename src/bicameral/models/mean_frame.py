"""Every frame to come is the mean of those seen: what moves is smeared out, what stands still is kept."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class MeanFrameConfig:
    """Nothing to choose."""

    horizon: int = 1  # frames to predict; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon")


@model(
    "mean_frame",
    config=MeanFrameConfig,
    family="baseline",
    reads="frames",
    gives="forecast",
    paper="https://otexts.com/fpp3/simple-methods.html",
    sizes={"default": {}},
)
class MeanFrame(nn.Module):
    """No parameters."""

    def __init__(self, shape: tuple[int, ...], config: MeanFrameConfig):  # noqa: ARG002
        super().__init__()
        self.horizon = config.horizon

    def forward(self, x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b horizon c h w"]:
        require_frames(x)
        return x.mean(1, keepdim=True).expand(-1, self.horizon, -1, -1, -1)
