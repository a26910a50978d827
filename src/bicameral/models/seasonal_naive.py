"""The seasonal naive forecast: as it was one season ago.

Hyndman and Athanasopoulos, Forecasting: principles and practice, section 5.2.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.errors import ConfigError
from bicameral.models import require_counts
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class SeasonalNaiveConfig:
    """How long a season is."""

    horizon: int = 1  # frames to forecast; the task fills it in
    season: int | None = None  # frames: 24 for hours of a day; None: 24, or what is shown where that is less

    def __post_init__(self) -> None:
        require_counts(self, "horizon", *([] if self.season is None else ["season"]))


@model(
    "seasonal_naive",
    config=SeasonalNaiveConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://otexts.com/fpp3/simple-methods.html",
    sizes={"default": {}},
)
class SeasonalNaive(nn.Module):
    """Repeats the last whole season. No parameters."""

    def __init__(self, shape: tuple[int, ...], config: SeasonalNaiveConfig):
        super().__init__()
        self.horizon, self.season = config.horizon, config.season or min(24, shape[0])
        if self.season > shape[0]:
            expected = f"at most the {shape[0]} frames it is shown"
            raise ConfigError(f"SeasonalNaiveConfig.season is {self.season}; expected {expected}")

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x)
        seasons = -(-self.horizon // self.season)
        return x[:, -self.season :].repeat(1, seasons, 1)[:, : self.horizon]
