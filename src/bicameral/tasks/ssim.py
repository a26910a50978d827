"""How alike two pictures look: the structural similarity of Wang, Bovik, Sheikh and Simoncelli 2004."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

WINDOW, SIGMA = 11, 1.5  # pixels
STEADY = (0.01, 0.03)  # of the range of values, against division by nearly nothing


def similarities(prediction: np.ndarray, truth: np.ndarray, span: float) -> np.ndarray:
    """Of each picture (... h w), the sum over windows wholly inside and free of NaN, and their count (... 2).

    span  the range of values
    """
    p, y = (torch.from_numpy(np.asarray(x, np.float64)).flatten(0, -3) for x in (prediction, truth))
    side = min(WINDOW, *(size - (size + 1) % 2 for size in y.shape[1:]))
    likeness = _map(p, y, _gauss(side), span)
    known = likeness.isfinite()
    pairs = torch.stack([torch.where(known, likeness, 0).sum((1, 2)), known.sum((1, 2))], -1)
    return pairs.reshape(*truth.shape[:-2], 2).numpy()


def _map(
    p: Float[Tensor, "n h w"], y: Float[Tensor, "n h w"], weights: Float[Tensor, " k"], span: float
) -> Float[Tensor, "n y x"]:
    """Equation 13 of the paper for every window; one that holds a NaN is NaN."""
    c1, c2 = ((share * span) ** 2 for share in STEADY)
    mean_p, mean_y = _blurred(p, weights), _blurred(y, weights)
    variances = _blurred(p * p, weights) - mean_p**2 + _blurred(y * y, weights) - mean_y**2
    covariance = _blurred(p * y, weights) - mean_p * mean_y
    luminance = (2 * mean_p * mean_y + c1) / (mean_p**2 + mean_y**2 + c1)
    return luminance * (2 * covariance + c2) / (variances + c2)


def _blurred(x: Float[Tensor, "n h w"], weights: Float[Tensor, " k"]) -> Float[Tensor, "n y x"]:
    down = functional.conv2d(x[:, None], weights[None, None, :, None])
    return functional.conv2d(down, weights[None, None, None, :])[:, 0]


def _gauss(side: int) -> Float[Tensor, " k"]:
    places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    weights = torch.exp(-(places**2) / (2 * SIGMA**2))
    return weights / weights.sum()
