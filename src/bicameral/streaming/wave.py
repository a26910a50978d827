"""Samples out of a pipe: a WAV whose length nobody knows yet, or bare 16-bit numbers."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from bicameral.errors import DataError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
TYPES = {(PCM, 16): ("<i2", 2**15), (PCM, 32): ("<i4", 2**31), (FLOAT, 32): ("<f4", 1)}  # and full scale
MEND = "convert it first: ffmpeg -i SOURCE -ac 1 -ar {rate:.0f} -f s16le -"


class Format(NamedTuple):
    """How samples are written."""

    code: int
    channels: int
    rate: int
    bits: int


def samples(file: Any, rate: float, num_samples: int) -> Iterator[np.ndarray]:
    """Chunks of mono samples in [-1, 1]: of a WAV at that rate, else of mono 16-bit little-endian numbers."""
    start = file.read(4)
    if start != b"RIFF":
        written, rest = Format(PCM, 1, round(rate), 16), start
    else:
        written, rest = header(file), b""
    if written.rate != round(rate):
        raise DataError(
            f"the sound has {written.rate} samples a second; the artifact reads {rate:g}; {_mend(rate)}"
        )
    if (written.code, written.bits) not in TYPES:
        raise DataError(f"the WAV holds {written.bits}-bit samples of format {written.code}; {_mend(rate)}")
    return _chunks(file, rest, written, num_samples)


def header(file: Any) -> Format:
    """Read a WAV behind its first four bytes, up to its first sample."""
    written = None
    if file.read(8)[4:] != b"WAVE":
        raise DataError("the sound begins like a WAV and is none")
    while True:
        name, size = _exactly(file, 4), struct.unpack("<I", _exactly(file, 4))[0]
        if name == b"data":
            break
        body = _exactly(file, size + size % 2)
        if name == b"fmt ":
            written = _format(body)
    if written is None:
        raise DataError("the WAV does not say how its samples are written")
    return written


def _format(body: bytes) -> Format:
    try:
        code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
        inner = struct.unpack("<H", body[24:26])[0] if code == EXTENSIBLE else code
    except struct.error as error:
        raise DataError("the WAV does not say in full how its samples are written") from error
    return Format(inner, channels, rate, bits)


def _chunks(file: Any, rest: bytes, written: Format, num_samples: int) -> Iterator[np.ndarray]:
    kind, scale = TYPES[written.code, written.bits]
    frame = written.channels * written.bits // 8
    while block := rest + file.read(num_samples * frame - len(rest)):
        whole = len(block) - len(block) % frame
        numbers = np.frombuffer(block[:whole], kind).reshape(-1, written.channels)
        yield (numbers.astype(np.float32) / np.float32(scale)).mean(1)
        rest = b""


def _exactly(file: Any, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise DataError("the WAV ends inside its header")
    return found


def _mend(rate: float) -> str:
    return MEND.format(rate=rate)
