"""Exponential smoothing of a level, a damped drift and a season that adds or multiplies, chosen by AICc.

Hyndman, Koehler, Snyder and Grose 2002, doi 10.1016/S0169-2070(01)00110-8. Differs: errors add; rates are the
best of a grid, for all look-backs at once; first states are those of a classical decomposition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.models import require_counts
from bicameral.nn.seasonal_rule import SeasonalRule
from bicameral.nn.seasons import lines, seasonal
from bicameral.registry import model

ALPHAS = (0.95, 0.6, 0.3, 0.1, 0.02)  # of the level; the first where frames are too few to choose
BETAS = (0.05, 0.3)  # of the drift, as a share of alpha
GAMMAS = (0.0, 0.1, 0.4)  # of the season, as a share of 1 - alpha
DAMPINGS = (0.9, 0.98)
LEAST = 1e-6  # of the first level: below it nothing is multiplied


@dataclass(frozen=True, kw_only=True)
class ETSConfig:
    """How long a season is."""

    horizon: int = 1  # frames to forecast; the task fills it in
    season: int | None = None  # frames; None: found in each look-back
    zeros: Sequence[float] = ()  # what each channel reads where the data are 0; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "horizon", *([] if self.season is None else ["season"]))


@model(
    "ets",
    config=ETSConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://doi.org/10.1016/S0169-2070(01)00110-8",
    sizes={"default": {}},
    exempt=dict.fromkeys(
        ("compiles_as_one_graph", "exports_for_any_number_of_rows"), "seasons are found in the values"
    ),
)
class ETS(SeasonalRule):
    """No parameters: every look-back is fitted when it is forecast."""

    def __init__(self, shape: tuple[int, ...], config: ETSConfig):
        super().__init__(shape[1], config.horizon, config.season, config.zeros)

    def _forecast(
        self, y: Float[Tensor, "n t"], zero: Float[Tensor, "n 1"], season: int
    ) -> Float[Tensor, "n horizon"]:
        """By the form of the least AICc; a season multiplies only what lies above zero."""
        forms = [smoothed(y, y.new_zeros(len(y), 1), self.horizon)]
        if season > 1 and y.shape[1] >= 2 * season:
            forms.append(smoothed(y, seasonal(y, season).flip(1), self.horizon))
            above = (y > zero).all(1, keepdim=True)
            zero = zero.where(above, 0)
            rest = (y - zero).where(above, 1)
            times = seasonal(rest.log(), season).flip(1).exp()
            found, score = smoothed(rest, times, self.horizon, multiplies=True)
            forms.append((found + zero, score.where(above[:, 0], torch.inf)))
        best = torch.stack([score for _, score in forms]).argmin(0)
        return torch.stack([found for found, _ in forms])[best, torch.arange(len(y), device=y.device)]


class Rates(NamedTuple):
    """Candidates (c,)."""

    alpha: Tensor
    beta: Tensor
    gamma: Tensor
    damping: Tensor
    drifts: Tensor  # 1 with a drift, else 0


class States(NamedTuple):
    """What each candidate carries from frame to frame."""

    level: Float[Tensor, "n c"]
    slope: Float[Tensor, "n c"]
    ring: list[Tensor]  # (n c) or (n 1): frame t has the season of place t % season


def candidates(like: Tensor, seasonal: bool) -> Rates:
    """Every set of rates of the grid, without a drift and with one."""
    gammas = GAMMAS if seasonal else GAMMAS[:1]
    still = [(alpha, 0.0, gamma, 1.0, 0.0) for alpha, gamma in product(ALPHAS, gammas)]
    drifting = [(*rates, 1.0) for rates in product(ALPHAS, BETAS, gammas, DAMPINGS)]
    alpha, beta, gamma, damping, drifts = like.new_tensor(still + drifting).unbind(1)
    return Rates(alpha, alpha * beta, (1 - alpha) * gamma, damping, drifts)


def smoothed(
    y: Float[Tensor, "n t"], season_at: Float[Tensor, "n season"], horizon: int, *, multiplies: bool = False
) -> tuple[Float[Tensor, "n horizon"], Float[Tensor, " n"]]:
    """Forecasts of the rates that err least, one step ahead; and their AICc.

    season_at  what the season adds, or multiplies with, in the last `season` frames, in order of time
    """
    num_frames, length = y.shape[1], season_at.shape[1]
    rates = candidates(y, length > 1)
    squares, (level, slope, ring) = _followed(y, rates, _begun(y, season_at, rates, multiplies), multiplies)
    score = _aicc(squares, num_frames, length, rates)
    least, chosen = score.min(1, keepdim=True)
    ahead = [ring[(num_frames + h) % length].expand_as(level).gather(1, chosen) for h in range(horizon)]
    steps = torch.arange(1, horizon + 1, dtype=y.dtype, device=y.device)
    drift = slope.gather(1, chosen) * (rates.damping[chosen] ** steps).cumsum(1)
    trend, season = level.gather(1, chosen) + drift, torch.cat(ahead, 1)
    return trend * season if multiplies else trend + season, least[:, 0]


def _begun(
    y: Float[Tensor, "n t"], season_at: Float[Tensor, "n season"], rates: Rates, multiplies: bool
) -> States:
    """The line through what is left of the season, or its mean."""
    num_frames, length = y.shape[1], season_at.shape[1]
    ring = [season_at[:, (place - num_frames) % length, None] for place in range(length)]
    season = torch.cat(ring, 1).repeat(1, -(-num_frames // length))[:, :num_frames]
    line = lines(y / season if multiplies else y - season)
    slope = (line[:, -1:] - line[:, :1]) / max(1, num_frames - 1)
    level = torch.where(rates.drifts > 0, line[:, :1] - slope, line.mean(1, keepdim=True))
    return States(level, slope * rates.drifts, ring)


def _followed(
    y: Float[Tensor, "n t"], rates: Rates, states: States, multiplies: bool
) -> tuple[Float[Tensor, "n c"], States]:
    """Squared errors one step ahead, summed, and the states after the last frame."""
    level, slope, ring = states
    least = LEAST * y.abs().mean(1, keepdim=True) + LEAST**2
    squares = torch.zeros_like(level)
    for t, known in enumerate(y.unbind(1)):
        slope = rates.damping * slope
        trend, season = level + slope, ring[t % len(ring)]
        if multiplies:
            trend, season = trend.clamp(min=least), season.clamp(min=LEAST)
        error = known[:, None] - (trend * season if multiplies else trend + season)
        squares = squares + error.square()
        of_trend, of_season = (error / season, error / trend) if multiplies else (error, error)
        level, slope = trend + rates.alpha * of_trend, slope + rates.beta * of_trend
        ring[t % len(ring)] = season + rates.gamma * of_season
    return squares, States(level, slope, ring)


def _aicc(squares: Float[Tensor, "n c"], num_frames: int, length: int, rates: Rates) -> Float[Tensor, "n c"]:
    """Akaike's criterion, corrected for few frames; infinite where there are too few."""
    count = 3 + 3 * rates.drifts + (length if length > 1 else 0)  # rates, first states and the variance
    fit = num_frames * (squares / num_frames).clamp(min=torch.finfo(squares.dtype).tiny).log()
    left = num_frames - count - 1
    return torch.where(left > 0, fit + 2 * count * (1 + (count + 1) / left), torch.inf)
