"""Folders of pictures, decoded when asked for: grey where every picture is, else RGB."""

import io
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bicameral.data.dataset import Dataset, Fault, Stored
from bicameral.data.read.assemble import assemble
from bicameral.data.read.files import Blob
from bicameral.data.read.labels.examples import Example, Labels, examples
from bicameral.data.read.labels.targets import Answer
from bicameral.data.read.media import IMAGES, Facts, inspect
from bicameral.errors import DataError

GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"}
FORMATS = {
    ".png": {"PNG"}, ".jpg": {"JPEG", "MPO"}, ".jpeg": {"JPEG", "MPO"}, ".bmp": {"BMP"}, ".gif": {"GIF"},
    ".tif": {"TIFF"}, ".tiff": {"TIFF"}, ".webp": {"WEBP"}, ".ppm": {"PPM"}, ".pgm": {"PPM"},
}  # fmt: skip


class Pictures(Stored, Sequence[np.ndarray]):
    """Pictures (c h w), each of its own size, decoded on access."""

    def __init__(self, blobs: Sequence[Blob], *, colour: bool):
        self.blobs, self.colour = list(blobs), colour

    def __len__(self) -> int:
        return len(self.blobs)

    def __getitem__(self, index: int | np.integer) -> np.ndarray:  # pyright: ignore
        return decode(self.blobs[index].read(), colour=self.colour)

    def contents(self) -> Iterator[Any]:
        yield self.colour
        yield from (blob.packed() for blob in self.blobs)


def read_images(
    name: str, files: list[Blob], faults: Sequence[Fault], labels: Labels, *, answer: Answer | None = None
) -> Dataset:
    """Read labelled pictures; each is decoded once to prove that it is whole."""
    found, more = examples(files, IMAGES, labels)
    kept, facts, broken = inspect(found, look)
    blobs = [example.blobs[0] for example in kept]
    pictures = Pictures(blobs, colour=bool((facts["channels"] > 1).any()))
    return assemble(name, "image", pictures, kept, facts, [*faults, *more, *broken], answer=answer)


def decode(data: bytes, *, colour: bool) -> np.ndarray:
    """Return a picture as uint8 (c h w), turned as its EXIF says; 16 bits a pixel as float32 in 0..255."""
    with _open(data) as picture:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I;16"):
            pixels = np.asarray(picture).astype(np.float32)[None] / 257
            return pixels.repeat(3, axis=0) if colour else pixels
        picture.info.pop("transparency", None)
        pixels = np.asarray(picture.convert("RGB" if colour else "L"))
    return pixels.transpose(2, 0, 1) if colour else pixels[None]


def look(example: Example) -> Facts:
    """Decode a picture in full and return its facts; what is wrong with it is an error."""
    blob = example.blobs[0]
    with _open(blob.read()) as picture:
        suffix = PurePosixPath(blob.name.lower()).suffix
        if picture.format not in FORMATS[suffix]:
            raise DataError(f"mislabelled: holds {picture.format}, its name says {suffix}")
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format == "GIF":
            raise DataError(f"moving picture of {frames} frames; read it with kind='clip'")
        channels = 1 if picture.mode in GREY else 3
        pixels = picture.width * picture.height
        blob.bounds.check(blob.name, "is a picture of {} pixels", pixels, blob.bounds.pixels)
        picture.load()
        turned = ImageOps.exif_transpose(picture)
        return {"height": turned.height, "width": turned.width, "channels": channels}


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise DataError(f"not a picture: begins with {data[:12]!r}") from error
