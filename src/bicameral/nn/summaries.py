"""A series in a few numbers a channel: level, spread, shape, rhythm."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from bicameral.nn.masking import Lengths, require_frames, zero_padding
from bicameral.nn.stretch import stretched

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
LAGS = (1, 2, 4, 8)
NUM_SEGMENTS, NUM_BANDS = 8, 6
MOST_FRAMES, MOST_CHANNELS = 512, 64


def summaries(x: Float[Tensor, "b t d"], lengths: Lengths, num_frames: int) -> Float[Tensor, "b e"]:
    """Statistics of each channel, of rows of any length; a single frame as it is."""
    require_frames(x)
    if not len(x):  # neither quantiles nor spectra are defined
        return summaries(x.new_zeros(1, *x.shape[1:]), None, num_frames)[:0]
    if num_frames == 1:
        return x[:, 0]
    size = torch.full((len(x), 1), x.shape[1], device=x.device) if lengths is None else lengths[:, None]
    x = _few(stretched(zero_padding(x, lengths), lengths, min(num_frames, MOST_FRAMES)))
    change = x.diff(dim=1)
    middle = x - x.mean(1, keepdim=True)
    levels = torch.quantile(x, x.new_tensor(QUANTILES), dim=1)
    place = torch.linspace(-1, 1, x.shape[1], dtype=x.dtype, device=x.device)[:, None]
    found = [
        x.mean(1), middle.square().mean(1).sqrt(), (place * middle).mean(1), *levels,
        change.abs().mean(1), change.square().mean(1).sqrt(), _crossings(middle),
        *_autocorrelations(middle), *_segments(x), *_bands(middle),
    ]  # fmt: skip
    return torch.cat([*found, size.to(x)], 1)


def _few(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t c"]:
    """Neighbouring channels averaged where there are very many: pixels of a clip."""
    return x if x.shape[2] <= MOST_CHANNELS else functional.adaptive_avg_pool1d(x, MOST_CHANNELS)


def _autocorrelations(middle: Tensor) -> list[Tensor]:
    power = middle.square().sum(1).clamp(min=1e-12)
    lags = [min(lag, middle.shape[1] - 1) for lag in LAGS]
    return [(middle[:, lag:] * middle[:, :-lag]).sum(1) / power for lag in lags]


def _segments(x: Tensor) -> tuple[Tensor, ...]:
    """Means of equal stretches of time."""
    return functional.adaptive_avg_pool1d(x.transpose(1, 2), NUM_SEGMENTS).unbind(2)


def _bands(middle: Tensor) -> list[Tensor]:
    """Logarithms of the energy in octaves below half the frame rate."""
    power = torch.fft.rfft(middle, dim=1).abs().square()[:, 1:]
    edges = [round(power.shape[1] / 2**octave) for octave in range(NUM_BANDS)] + [0]
    return [
        power[:, min(low, high - 1) : high].sum(1).add(1e-6).log()
        for high, low in pairwise(max(1, edge) for edge in edges)
    ]


def _crossings(middle: Tensor) -> Tensor:
    """How often a channel passes its mean."""
    return (middle[:, 1:] * middle[:, :-1] < 0).to(middle).mean(1)
