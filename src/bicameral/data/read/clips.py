"""Folders of video files, moving GIFs or folders of frames, decoded when asked for."""

import io
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from bicameral.data.dataset import Dataset, Fault, Stored
from bicameral.data.read.assemble import assemble
from bicameral.data.read.files import Blob
from bicameral.data.read.images import decode as decode_picture
from bicameral.data.read.images import look as look_at_picture
from bicameral.data.read.labels.examples import Example, Labels, examples
from bicameral.data.read.labels.targets import Answer
from bicameral.data.read.media import CLIPS, IMAGES, Facts, inspect
from bicameral.errors import DataError, MissingExtraError

EVERY = 8  # colour is looked for in one frame of so many
TINT = 12  # channels that differ by less, of 255, are grey with the noise of the codec
SHORT = 0.9  # fewer of the announced frames than this is a truncated clip; containers count loosely


class Clips(Stored, Sequence[np.ndarray]):
    """Clips (t c h w) uint8, each of its own length, decoded on access."""

    def __init__(self, clips: Sequence[tuple[Blob, ...]], *, colour: bool):
        self.clips, self.colour = list(clips), colour

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int | np.integer) -> np.ndarray:  # pyright: ignore
        blobs = self.clips[index]
        if blobs[0].suffix in CLIPS:
            frames = [_channels(frame, self.colour) for frame in _frames(blobs[0], self.colour)]
        else:
            frames = [decode_picture(blob.read(), colour=self.colour) for blob in blobs]
        return np.stack(frames)

    def contents(self) -> Iterator[Any]:
        yield self.colour
        for blobs in self.clips:
            yield len(blobs)
            yield from (blob.packed() for blob in blobs)


def read_clips(
    name: str,
    files: list[Blob],
    faults: Sequence[Fault],
    labels: Labels,
    *,
    frames: bool,
    answer: Answer | None = None,
) -> Dataset:
    """Read clips, labelled or not; each is decoded once to prove that it is whole.

    frames  every innermost folder is a clip and its pictures are the frames
    """
    if any(blob.suffix in CLIPS and blob.suffix != ".gif" for blob in files):
        _av()
    found, more = examples(files, IMAGES if frames else CLIPS, labels, frames=frames)
    kept, facts, broken = inspect(found, _look_at_frames if frames else _look)
    clips = Clips([example.blobs for example in kept], colour=bool((facts["channels"] > 1).any()))
    rate = float(np.median(facts["rate"])) if "rate" in facts else None
    return assemble(name, "clip", clips, kept, facts, [*faults, *more, *broken], answer=answer, rate=rate)


def _look_at_frames(example: Example) -> Facts:
    facts = [look_at_picture(Example(name=blob.name, blobs=(blob,))) for blob in example.blobs]
    if len({(fact["height"], fact["width"]) for fact in facts}) > 1:
        raise DataError("frames of different sizes")
    return {**facts[0], "channels": max(fact["channels"] for fact in facts), "frames": len(facts)}


def _look(example: Example) -> Facts:
    blob = example.blobs[0]
    announced, rate = _announced(blob)
    shape, count, colour = (0, 0), 0, False
    for count, frame in enumerate(_frames(blob, colour=True), start=1):
        shape = frame.shape[:2]
        colour = colour or (count % EVERY == 1 and _is_coloured(frame))
    if not count:
        raise DataError("clip without a frame")
    if count < SHORT * announced:
        raise DataError(f"truncated clip ({count} of {announced} frames)")
    facts = {"height": shape[0], "width": shape[1], "channels": 3 if colour else 1}
    return facts | {"frames": count, "rate": rate, "duration": count / rate if rate else 0.0}


def _is_coloured(frame: np.ndarray) -> bool:
    return bool(np.ptp(frame.astype(np.int16), axis=-1).max() > TINT)


def _channels(frame: np.ndarray, colour: bool) -> np.ndarray:
    return frame.transpose(2, 0, 1) if colour else frame[None]


def _announced(blob: Blob) -> tuple[int, float]:
    """Return the number of frames that the file says it holds (0 = does not say) and frames a second."""
    if blob.suffix == ".gif":
        return 0, 0.0
    av = _av()
    try:
        with av.open(io.BytesIO(blob.read())) as container:
            stream = container.streams.video[0]
            return stream.frames, float(stream.average_rate or 0)
    except (av.error.FFmpegError, IndexError) as error:
        raise DataError(f"not a video: {_reason(error)}") from error


def _frames(blob: Blob, colour: bool) -> Iterator[np.ndarray]:
    yield from (_gif_frames if blob.suffix == ".gif" else _video_frames)(blob.read(), colour)


def _gif_frames(data: bytes, colour: bool) -> Iterator[np.ndarray]:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            for frame in ImageSequence.Iterator(picture):
                yield np.asarray(frame.convert("RGB" if colour else "L"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"truncated or broken GIF: {error}") from error


def _video_frames(data: bytes, colour: bool) -> Iterator[np.ndarray]:
    av = _av()
    try:
        with av.open(io.BytesIO(data)) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24" if colour else "gray")
    except av.error.FFmpegError as error:
        raise DataError(f"truncated or broken clip: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _av() -> ModuleType:
    try:
        import av
        import av.error
    except ImportError as error:
        raise MissingExtraError("av", "video", "reading video files") from error
    return av
