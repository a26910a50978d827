"""One gradient boosting on lags for all series, which forecasts frame after frame from its own forecasts.

Friedman 2001, doi 10.1214/aos/1013203451, by scikit-learn on histograms. It reads and answers
changes since a season ago, in units of how large they are in the look-back: trees cannot follow a trend.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.answers import NUMBERS, drawn_seed
from bicameral.nn.masking import require_frames
from bicameral.nn.seasons import found_seasons
from bicameral.nn.trees import Trees
from bicameral.registry import model

NEAREST = 3  # frames, each a lag
MOST_SEASONS = 8  # each a lag
MOST_ROWS = 100_000  # that trees are grown on
LOOKED_AT = 512  # look-backs in which a season is sought


@dataclass(frozen=True, kw_only=True)
class GradientBoostingLagsConfig:
    """How long a season is."""

    horizon: int = 1  # frames to forecast; the task fills it in
    season: int | None = None  # frames; None: found in the training windows

    def __post_init__(self) -> None:
        require_counts(self, "horizon", *([] if self.season is None else ["season"]))


@model(
    "gradient_boosting_lags",
    config=GradientBoostingLagsConfig,
    family="baseline",
    reads="sequence",
    gives="forecast",
    paper="https://doi.org/10.1214/aos/1013203451",
    sizes={"default": {}},
    fitted="windows",
)
class GradientBoostingLags(nn.Module):
    """y_t = y_{t-season} + scale * trees(changes at the lags / scale)."""

    season_of_training: Float[Tensor, ""]  # not of whole numbers: the first buffer tells how inputs are read

    def __init__(self, shape: tuple[int, ...], config: GradientBoostingLagsConfig):
        super().__init__()
        self.num_frames, self.horizon, self.given = shape[0], config.horizon, config.season
        self.register_buffer("season_of_training", torch.tensor(float(self._usable(config.season or 1))))
        self.trees = Trees(1)

    def _usable(self, season: int) -> int:
        """A season that leaves a change to look at, else one frame."""
        return season if season < self.num_frames else 1

    @property
    def season(self) -> int:
        """Frames, as given or found in training."""
        return int(self.season_of_training)

    @property
    def lags(self) -> list[int]:
        """The last frames and whole seasons, as far back as changes are known."""
        season = self.season
        lags = {*range(1, NEAREST + 1), *range(season, MOST_SEASONS * season + 1, season)}
        return sorted(lag for lag in lags if lag + season <= self.num_frames)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x, num_frames=self.num_frames)
        y, season = x.transpose(1, 2).flatten(0, 1), self.season
        scale, rows = self._scale(y), torch.arange(y.shape[0], device=y.device)
        for end in range(self.num_frames, self.num_frames + self.horizon):
            ago = y[:, max(0, end - season)]
            change = self._changes(y, rows, torch.full_like(rows, end)) / scale
            y = torch.cat([y, (ago[:, None] + scale * self._answered(change))], 1)
        return y[:, self.num_frames :].unflatten(0, (-1, x.shape[2])).transpose(1, 2)

    def fit_windows(self, x: Float[Tensor, "n t d"], y: Float[Tensor, "n horizon d"]) -> None:
        """Grow trees on the next change, of the channels that are to be forecast."""
        fresh = _fresh(x, self.horizon).repeat_interleave(x.shape[2], 0)
        both = torch.cat([x, y], 1).transpose(1, 2).flatten(0, 1)
        if self.given is None:
            self.season_of_training.fill_(self._usable(_common_season(both[:, : self.num_frames])))
        if not self.lags:
            return
        rows, steps = fresh.nonzero().unbind(1)
        some = torch.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).round().long()
        rows, ends = rows[some], self.num_frames + steps[some]
        scale = self._scale(both)[rows]
        target = (both[rows, ends] - both[rows, ends - self.season])[:, None] / scale
        features = self._changes(both, rows, ends) / scale
        self.trees.grow_boosted(features.float().numpy(), target.double().numpy(), NUMBERS, drawn_seed())

    def _scale(self, y: Float[Tensor, "n t"]) -> Float[Tensor, "n 1"]:
        """Root mean square of the changes in the look-back; 1 where nothing changes."""
        season = self.season
        change = y[:, season : self.num_frames] - y[:, : max(0, self.num_frames - season)]
        scale = change.square().sum(1, keepdim=True).div(max(1, change.shape[1])).sqrt()
        return scale.where(scale > 0, 1)

    def _changes(self, y: Tensor, rows: Int[Tensor, " n"], ends: Int[Tensor, " n"]) -> Float[Tensor, "n k"]:
        """Changes since a season ago, a lag before each end."""
        places = ends[:, None] - torch.tensor(self.lags, dtype=torch.int64, device=y.device)
        return y[rows[:, None], places] - y[rows[:, None], places - self.season]

    def _answered(self, change: Float[Tensor, "n k"]) -> Float[Tensor, "n 1"]:
        return self.trees(change).to(change) if change.shape[1] else change.new_zeros(change.shape[0], 1)


def _fresh(x: Float[Tensor, "n t d"], horizon: int) -> Bool[Tensor, "n horizon"]:
    """Which frames to come are the first of no later window: windows in order of time mostly overlap."""
    goes_on = (x[1:, :-1] == x[:-1, 1:]).all(2).all(1)
    fresh = torch.ones(len(x), horizon, dtype=torch.bool)
    fresh[:-1, 1:] = ~goes_on[:, None]
    return fresh


def _common_season(y: Float[Tensor, "n t"]) -> int:
    """The season that most look-backs have."""
    some = torch.linspace(0, len(y) - 1, min(len(y), LOOKED_AT)).round().long()
    return int(found_seasons(y[some].double()).mode().values)
