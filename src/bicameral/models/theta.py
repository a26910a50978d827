"""The theta method: exponential smoothing with half the drift of a line, on what is left of the season.

Assimakopoulos and Nikolopoulos 2000, doi 10.1016/S0169-2070(00)00066-2, as Hyndman and Billah 2003 write it.
Differs: autocorrelation finds the season, which adds or multiplies, whichever errs less one step ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.models import require_counts
from bicameral.nn.seasonal_rule import SeasonalRule
from bicameral.nn.seasons import lines, seasonal
from bicameral.registry import model

RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)  # of smoothing


@dataclass(frozen=True, kw_only=True)
class ThetaConfig:
    """How long a season is."""

    horizon: int = 1  # frames to forecast; the task fills it in
    season: int | None = None  # frames; None: found in each look-back
    zeros: Sequence[float] = ()  # what each channel reads where the data are 0; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon", *([] if self.season is None else ["season"]))


@model(
    "theta",
    config=ThetaConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://doi.org/10.1016/S0169-2070(00)00066-2",
    sizes={"default": {}},
    exempt=dict.fromkeys(
        ("compiles_as_one_graph", "exports_for_any_number_of_rows"), "seasons are found in the values"
    ),
)
class Theta(SeasonalRule):
    """No parameters: every look-back is fitted when it is forecast."""

    def __init__(self, shape: tuple[int, ...], config: ThetaConfig):
        super().__init__(shape[1], config.horizon, config.season, config.zeros)

    def _forecast(
        self, y: Float[Tensor, "n t"], zero: Float[Tensor, "n 1"], season: int
    ) -> Float[Tensor, "n horizon"]:
        """With a season that is added or, where all is above zero, multiplied if that erred less."""
        found, fitted = smoothed(y, season, self.horizon)
        above = (y > zero).all(1)
        if season < 2 or not above.any():
            return found
        y, zero = y[above], zero[above]
        times, fit = (part.exp() + zero for part in smoothed((y - zero).log(), season, self.horizon))
        better = (fit - y).square().sum(1) < (fitted[above] - y).square().sum(1)
        found[above] = torch.where(better[:, None], times, found[above])
        return found


def smoothed(
    y: Float[Tensor, "n t"], season: int, horizon: int
) -> tuple[Float[Tensor, "n horizon"], Float[Tensor, "n t"]]:
    """Forecasts, and what was forecast one step ahead of each frame."""
    num_frames = y.shape[1]
    back = torch.arange(num_frames - 1, -horizon - 1, -1, device=y.device) % season
    season_at = seasonal(y, season)[:, back]
    rest = y - season_at[:, :num_frames]
    rates = y.new_tensor(RATES)
    levels = [rest[:, :1].expand(-1, len(rates))]
    for t in range(1, num_frames):
        levels.append(levels[-1] + rates * (rest[:, t - 1 : t] - levels[-1]))
    steps = torch.stack(levels, 1)
    chosen = (steps - rest[..., None]).square().sum(1).argmin(1)
    fitted = steps[torch.arange(len(y)), :, chosen]
    rate = rates[chosen][:, None]
    level = fitted[:, -1:] + rate * (rest - fitted)[:, -1:]
    line = lines(rest)
    drift = (line[:, -1:] - line[:, :1]) / max(1, num_frames - 1) / 2
    ahead = torch.arange(horizon, device=y.device)
    begun = (1 - (1 - rate) ** num_frames) / rate
    return level + drift * (ahead + begun) + season_at[:, num_frames:], fitted + season_at[:, :num_frames]
