"""Sounds: log-mel frames, standardised per band."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bicameral.data.dataset import Dataset, Kind, Layout
from bicameral.data.preprocessing.contract import Framer, Frames, Preprocessing
from bicameral.data.preprocessing.statistics import moments, sampled, standardise
from bicameral.errors import DataError

WINDOW, HOP = 0.025, 0.010  # seconds
MOST_FRAMES = 500  # a longer sound gets a wider hop, so that no family drowns in frames
FLOOR = 1e-6  # keeps the logarithm of silence finite


@dataclass(frozen=True, kw_only=True)
class SoundPreprocessing(Preprocessing):
    """(n,) samples at `rate` -> float32 (t m) log energies of mel bands; the end beyond `seconds` is cut."""

    kind: ClassVar[Kind] = "sound"
    rate: float  # samples a second
    seconds: float  # longest sound that is read
    window: int  # samples
    hop: int  # samples
    longest: int  # frames of the longest training sound
    truncated: int  # training sounds that were cut
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def layout(self) -> Layout:
        return Layout("sound", (self.longest, len(self.mean)))

    def __call__(self, item: np.ndarray) -> np.ndarray:
        kept = item[: round(self.seconds * self.rate)]
        return standardise(
            log_mel(kept, self.rate, self.window, self.hop, len(self.mean)), self.mean, self.deviation
        )

    def framer(self, num_streams: int) -> Framer:
        return SoundFramer(self, num_streams)


class SoundFramer(Framer):
    """A piece is a chunk of any size of each sound, (k n); a frame comes out when its window is full.

    Nothing is cut behind `seconds`. Frames are computed one by one, so that chunks cannot be told apart.
    """

    axes, shape = 1, "samples (n,)"

    def __init__(self, preprocessing: SoundPreprocessing, num_streams: int):
        self.preprocessing = preprocessing
        self.pending = np.zeros((num_streams, preprocessing.window), np.float32)  # zeros behind `filled`
        self.filled = np.zeros(num_streams, np.int64)

    def push(self, piece: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not np.isfinite(piece).all():
            raise DataError("a chunk holds samples that are no numbers; leave it out or mend it")
        filled = self.filled[rows]
        for phase in np.unique(filled):  # sounds in step go together
            members = filled == phase
            samples = np.concatenate([self.pending[rows[members], :phase], piece[members]], 1)
            yield from self._frames(samples, rows[members])

    def _frames(self, samples: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        window, hop = self.preprocessing.window, self.preprocessing.hop
        starts = range(0, samples.shape[1] - window + 1, hop)
        kept = samples[:, len(starts) * hop :]
        self.pending[rows] = np.pad(kept, ((0, 0), (0, window - kept.shape[1])))
        self.filled[rows] = kept.shape[1]
        for start in starts:
            yield self._frame(samples[:, start : start + window]), rows

    def _frame(self, samples: np.ndarray) -> np.ndarray:
        fitted = self.preprocessing
        bands = energies(torch.from_numpy(samples), fitted.rate, len(fitted.mean)).numpy()
        return standardise(bands, fitted.mean, fitted.deviation)

    def rest(self, fresh: np.ndarray) -> Frames:
        """Give a sound shorter than a window its one frame."""
        return [(self._frame(self.pending[fresh]), fresh)] if len(fresh) else ()

    def reset(self, rows: np.ndarray) -> None:
        self.pending[rows], self.filled[rows] = 0, 0

    def state(self) -> dict[str, np.ndarray]:
        return {"pending": self.pending, "filled": self.filled}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.pending, self.filled = state["pending"].copy(), state["filled"].copy()


def fit_sound(
    dataset: Dataset, rows: np.ndarray, *, seconds: float = 10.0, num_mels: int | None = None
) -> SoundPreprocessing:
    """Fit on the sounds `rows`; 40 mel bands below 16 kHz and 64 from there on, unless told."""
    if dataset.rate is None:
        raise DataError(f"the sounds of {dataset.name!r} have no sampling rate; set Dataset.rate in hertz")
    rate, bands = float(dataset.rate), num_mels or (40 if dataset.rate < 16_000 else 64)
    limit = round(seconds * rate)
    sizes = [len(dataset.items[int(row)]) for row in rows]
    window, hop = framing(min(limit, max(sizes)), rate)
    sounds = sampled(dataset.items, rows)
    mean, deviation = moments(log_mel(item[:limit], rate, window, hop, bands) for item in sounds)
    return SoundPreprocessing(
        rate=rate,
        seconds=seconds,
        window=window,
        hop=hop,
        longest=num_frames(min(limit, max(sizes)), window, hop),
        truncated=sum(size > limit for size in sizes),
        mean=mean,
        deviation=deviation,
    )


def framing(samples: int, rate: float) -> tuple[int, int]:
    """Return window and hop in samples; the hop grows to bound the frames, the window to leave no gap."""
    hop = max(1, round(HOP * rate), -(-samples // MOST_FRAMES))
    return max(round(WINDOW * rate), hop), hop


def num_frames(samples: int, window: int, hop: int) -> int:
    """Return the frames of a sound; one shorter than a window still is one frame."""
    return 1 + max(0, samples - window) // hop


def log_mel(samples: np.ndarray, rate: float, window: int, hop: int, bands: int) -> np.ndarray:
    """Return (t m) logarithms of mel-band power; frame i sees samples from i * hop on, none before."""
    x = torch.from_numpy(samples.astype(np.float32))
    x = functional.pad(x, (0, max(0, window - len(x))))
    return energies(x.unfold(0, window, hop), rate, bands).numpy()


def energies(frames: Tensor, rate: float, bands: int) -> Tensor:
    """Return (t m) logarithms of mel-band power of frames (t window)."""
    fft = fft_size(frames.shape[1])
    power = torch.fft.rfft(frames * hann(frames.shape[1]), n=fft).abs().square()
    return (power @ mel_filters(rate, fft, bands) + FLOOR).log()


def fft_size(window: int) -> int:
    """Return the power of two that holds the window."""
    return 1 << max(1, window - 1).bit_length()


@lru_cache(maxsize=8)
def hann(window: int) -> Tensor:
    """Return the raised cosine that fades a window in and out."""
    return torch.hann_window(window)


@lru_cache(maxsize=8)
def mel_filters(rate: float, fft: int, bands: int) -> Tensor:
    """Return (frequency m) triangles between 0 and rate / 2, evenly spaced on the HTK mel scale."""
    edges = hertz(torch.linspace(0, mel(rate / 2), bands + 2, dtype=torch.float64))
    frequency = torch.linspace(0, rate / 2, fft // 2 + 1, dtype=torch.float64)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


def mel(frequency: float) -> float:
    """Hertz to mel, as in HTK."""
    return 2595 * np.log10(1 + frequency / 700)


def hertz(mels: Tensor) -> Tensor:
    """Mel to hertz, as in HTK."""
    return 700 * (10 ** (mels / 2595) - 1)
