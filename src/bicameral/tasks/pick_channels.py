"""The head of models that forecast every channel they read."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PickChannels(nn.Module):
    """Forecasts of all input channels -> those of the target columns, spread over quantiles if asked."""

    def __init__(self, channels: Sequence[int], horizon: int, num_quantiles: int):
        super().__init__()
        self.channels = list(channels)
        self.spread = nn.Parameter(torch.zeros(horizon, 1, num_quantiles)) if num_quantiles else None

    def forward(self, y: Float[Tensor, "b horizon d"]) -> Tensor:
        """(b horizon d) -> (b horizon columns), with quantiles (b horizon columns quantiles)."""
        y = y[..., self.channels]
        return y if self.spread is None else y[..., None] + self.spread
