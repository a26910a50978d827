"""The season of a series, found in the series itself, and what it adds to every frame."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

LEAST = 0.3  # autocorrelation of a season
RISE = 0.2  # above the deepest trough before it: slow noise has ripples
NEARLY = 0.9  # of the best: a shorter season is taken


def found_seasons(y: Float[Tensor, "n t"]) -> Int[Tensor, " n"]:
    """The lag, up to half the series, at which what is left of a line repeats itself; 1 where none does."""
    num_frames = y.shape[1]
    if num_frames < 6:
        return torch.ones(len(y), dtype=torch.int64, device=y.device)
    rest = y - lines(y)
    spectrum = torch.fft.rfft(rest, 2 * num_frames).abs().square()
    power = torch.fft.irfft(spectrum)[:, : num_frames // 2 + 2]
    shown = num_frames - torch.arange(power.shape[1], device=y.device)
    repeated = power / shown * num_frames / power[:, :1].clamp(min=1e-12)
    middle = repeated[:, 1:-1]
    peak = (middle > repeated[:, :-2]) & (middle >= repeated[:, 2:])
    peak &= middle - repeated.cummin(1).values[:, 1:-1] > RISE
    height = middle.masked_fill(~peak, 0)[:, 1:]  # from lag 2
    enough = height >= (NEARLY * height.max(1, keepdim=True).values).clamp(min=LEAST)
    first = enough.to(torch.uint8).argmax(1)[:, None]
    lags = torch.arange(height.shape[1], device=y.device)
    hill = (lags >= first) & (lags <= first + (first + 2) // 3)  # the peak may have ripples before its top
    best = height.masked_fill(~hill, 0).argmax(1)
    return torch.where(enough.any(1), best + 2, 1)


def lines(y: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
    """The straight line through each series, by least squares."""
    place = torch.arange(y.shape[1], dtype=y.dtype, device=y.device)
    place = place - place.mean()
    slope = (y @ place) / place.square().sum().clamp(min=1e-12)
    return y.mean(1, keepdim=True) + slope[:, None] * place


def seasonal(y: Float[Tensor, "n t"], season: int) -> Float[Tensor, "n season"]:
    """What a season adds to the mean of a whole season around each frame, from the last frame back."""
    if season < 2 or y.shape[1] < 2 * season:
        return y.new_zeros(len(y), season)
    weight = y.new_ones(1, 1, season + 1 - season % 2) / season
    if season % 2 == 0:
        weight[..., [0, -1]] /= 2
    trend = functional.conv1d(y[:, None], weight)[:, 0]
    edge = (y.shape[1] - trend.shape[1]) // 2
    rest = (y[:, edge : edge + trend.shape[1]] - trend).flip(1)
    phase = (edge + torch.arange(rest.shape[1], device=y.device)) % season
    total = rest.new_zeros(len(y), season).index_add_(1, phase, rest)
    mean = total / torch.bincount(phase, minlength=season).clamp(min=1)
    return mean - mean.mean(1, keepdim=True)
