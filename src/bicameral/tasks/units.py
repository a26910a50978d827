"""What outputs of 0 and 1 stand for where every example has units of its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.nn.masking import last_valid

LEAST = 1e-4  # of its size, that a look-back is taken to move


class Units(NamedTuple):
    """Example by example; both broadcast to the outputs."""

    zero: Tensor
    one: Tensor


def of_look_back(
    x: Float[Tensor, "b t d"], lengths: Tensor | None, channels: Sequence[int]
) -> tuple[Float[Tensor, "b t d"], Units]:
    """Some channels as changes from their last value, in deviations of the look-back, and those units."""
    own, chosen = x[..., list(channels)], torch.tensor(list(channels), device=x.device)
    frames = x.shape[1] if lengths is None else lengths[:, None, None]
    valid = torch.arange(x.shape[1], device=x.device)[None, :, None] < frames
    count = valid.expand_as(own).sum(1, keepdim=True)
    mean = own.where(valid, 0.0).sum(1, keepdim=True) / count
    spread = ((own - mean).where(valid, 0.0).square().sum(1, keepdim=True) / count).sqrt()
    last = last_valid(x, lengths)[:, None, list(channels)]
    # A look-back that never moves has no units of its own: those of its size, else 1.
    spread = torch.maximum(spread, LEAST * last.abs())
    spread = spread.where(spread > 0, 1.0)
    changes = ((own - last) / spread).where(valid, 0.0)
    return x.index_copy(2, chosen, changes), Units(last, spread)


def symmetric_error(
    prediction: Float[np.ndarray, "*n"], truth: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n"]:
    """Twice the error over the sizes of both; 0 where both are 0. Makridakis 1993, as the M4 competition."""
    size = np.abs(prediction) + np.abs(truth)
    return 2 * np.abs(prediction - truth) / np.where(size > 0, size, 1)


def kept_as_they_are(preprocessing: Any, channels: Sequence[int]) -> dict[str, tuple[float, ...]]:
    """Mean and deviation of a preprocessing that leaves some channels in the units of the data."""
    mean, deviation = list(preprocessing.mean), list(preprocessing.deviation)
    for channel in channels:
        mean[channel], deviation[channel] = 0.0, 1.0
    return {"mean": tuple(mean), "deviation": tuple(deviation)}
