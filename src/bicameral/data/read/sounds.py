"""Folders of sounds, mixed to mono and brought to the most frequent sampling rate."""

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset, Fault, Stored
from bicameral.data.read.assemble import assemble
from bicameral.data.read.files import Blob
from bicameral.data.read.labels.examples import Example, Labels, examples
from bicameral.data.read.labels.targets import Answer
from bicameral.data.read.media import SOUNDS, Facts, inspect
from bicameral.errors import DataError, MissingExtraError

FORMATS = {
    ".wav": {"WAV", "WAVEX", "RF64"}, ".flac": {"FLAC"}, ".ogg": {"OGG"}, ".opus": {"OGG"},
    ".mp3": {"MP3", "MPEG"}, ".aif": {"AIFF"}, ".aiff": {"AIFF"},
}  # fmt: skip
UNKNOWN_LENGTH = (0, 0xFFFFFFFF)  # what a recorder writes into a WAV header before it knows better


class Recordings(Stored, Sequence[np.ndarray]):
    """Sounds (n,) float32 at one rate, decoded on access."""

    def __init__(self, blobs: Sequence[Blob], rate: int):
        self.blobs, self.rate = list(blobs), rate

    def __len__(self) -> int:
        return len(self.blobs)

    def __getitem__(self, index: int | np.integer) -> np.ndarray:  # pyright: ignore
        samples, rate = _decode(self.blobs[index].read())
        return resample(samples.mean(axis=1), rate, self.rate)

    def contents(self) -> Iterator[Any]:
        yield self.rate
        yield from (blob.packed() for blob in self.blobs)


def read_sounds(
    name: str, files: list[Blob], faults: Sequence[Fault], labels: Labels, *, answer: Answer | None = None
) -> Dataset:
    """Read labelled sounds; each is decoded once to prove that it is whole."""
    _soundfile()
    found, more = examples(files, SOUNDS, labels)
    kept, facts, broken = inspect(found, look)
    rates, counts = np.unique(facts["rate"], return_counts=True)
    rate = int(rates[counts.argmax()])
    recordings = Recordings([example.blobs[0] for example in kept], rate)
    return assemble(
        name, "sound", recordings, kept, facts, [*faults, *more, *broken], answer=answer, rate=float(rate)
    )


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return mono samples at the rate `wanted`, by polyphase filtering."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    return resample_poly(samples, wanted // common, rate // common).astype(np.float32)


def look(example: Example) -> Facts:
    """Decode a sound in full and return its facts; what is wrong with it is a DataError."""
    blob = example.blobs[0]
    data = blob.read()
    suffix = PurePosixPath(blob.name.lower()).suffix
    if suffix == ".wav":
        _whole_wav(data)
    kind = _format(blob, data)
    if kind not in FORMATS[suffix]:
        raise DataError(f"mislabelled: holds {kind}, its name says {suffix}")
    samples, rate = _decode(data)
    if not len(samples):
        raise DataError("sound of 0 samples")
    if not np.isfinite(samples).all():
        raise DataError("holds samples that are no numbers")
    return {"duration": len(samples) / rate, "rate": rate, "channels": samples.shape[1]}


def _whole_wav(data: bytes) -> None:
    # libsndfile shortens a cut file without a word, so the header is compared with the bytes
    claimed = int.from_bytes(data[4:8], "little")
    if data[:4] == b"RIFF" and claimed not in UNKNOWN_LENGTH and claimed + 8 > len(data) + 1:
        raise DataError(f"truncated sound ({len(data)} of {claimed + 8} bytes)")


def _format(blob: Blob, data: bytes) -> str:
    soundfile = _soundfile()
    try:
        facts = soundfile.info(io.BytesIO(data))
        size, bounds = facts.frames * facts.channels, blob.bounds
        bounds.check(blob.name, "says it has {} samples a second", facts.samplerate, bounds.rate)
        bounds.check(blob.name, "holds {} samples", size, bounds.samples)
        return facts.format
    except soundfile.LibsndfileError as error:
        raise DataError(f"not a sound: {error.error_string}") from error


def _decode(data: bytes) -> tuple[np.ndarray, int]:
    soundfile = _soundfile()
    try:
        return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise DataError(f"truncated or broken sound: {error.error_string}") from error


def _soundfile() -> ModuleType:
    try:
        import soundfile
    except ImportError as error:
        raise MissingExtraError("soundfile", "sound", "reading sound files") from error
    return soundfile
