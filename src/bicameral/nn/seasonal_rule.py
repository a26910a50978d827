"""What forecasts a look-back by itself, with the season that is found in it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import require_frames
from bicameral.nn.seasons import found_seasons

ROWS = 512  # look-backs at once


class SeasonalRule(nn.Module, ABC):
    """No parameters: every look-back is fitted when it is forecast; subclasses give `_forecast`.

    season  frames; None: found in each look-back
    zeros   what each channel reads where the data are 0
    """

    zeros: Float[Tensor, " d"]

    def __init__(self, num_channels: int, horizon: int, season: int | None, zeros: Sequence[float]):
        super().__init__()
        self.horizon, self.season = horizon, season
        known = [*zeros, *[float("inf")] * num_channels][:num_channels]
        self.register_buffer("zeros", torch.tensor(known), persistent=False)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b horizon d"]:
        require_frames(x)
        if not len(x):
            return x.new_zeros(0, self.horizon, x.shape[2])
        y = x.transpose(1, 2).flatten(0, 1)
        zero = self.zeros.to(x).repeat(len(x))[:, None]
        seasons = found_seasons(y) if self.season is None else torch.full((len(y),), self.season)
        found = y.new_zeros(len(y), self.horizon)
        for season in map(int, seasons.unique()):
            for rows in (seasons == season).nonzero()[:, 0].split(ROWS):
                found[rows] = self._forecast(y[rows], zero[rows], season)
        return found.unflatten(0, (-1, x.shape[2])).transpose(1, 2)

    @abstractmethod
    def _forecast(
        self, y: Float[Tensor, "n t"], zero: Float[Tensor, "n 1"], season: int
    ) -> Float[Tensor, "n horizon"]:
        """Go on with look-backs of one season."""
