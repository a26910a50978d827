"""What a folder holds: which kind of file there is most of, and whether frames make up clips."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from bicameral.data.dataset import Kind
from bicameral.data.read.files import Blob
from bicameral.data.read.media import CLIPS, IMAGES, SOUNDS
from bicameral.errors import DataError

MEDIA: dict[Kind, tuple[str, ...]] = {"image": IMAGES, "clip": CLIPS, "sound": SOUNDS}
STRAY = 0.05  # a second kind of file below this share is strangers, not an ambiguous source


def media_kind(files: Sequence[Blob], name: str) -> Kind | None:
    """Return the kind of the pictures, clips or sounds in a folder, or None where there are none."""
    counts: dict[Kind, int] = {
        kind: sum(blob.suffix in suffixes and blob.suffix != ".gif" for blob in files)
        for kind, suffixes in MEDIA.items()
    }
    if gifs := [blob for blob in files if blob.suffix == ".gif"]:
        counts["clip" if _moves(gifs[0]) else "image"] += len(gifs)
    (first, most), (second, next_most) = sorted(counts.items(), key=lambda pair: -pair[1])[:2]
    if next_most > STRAY * most:
        raise DataError(
            f"{name} holds {most} {first} files and {next_most} {second} files; pass kind={first!r} or "
            f"kind={second!r}"
        )
    return first if most else None


def are_frames(files: Sequence[Blob], kind: Kind | None) -> bool:
    """Return whether the pictures in each innermost folder are the frames of one clip."""
    pictures = [PurePosixPath(blob.name) for blob in files if blob.suffix in IMAGES]
    if kind == "clip":
        return bool(pictures) and not any(blob.suffix in CLIPS and blob.suffix != ".gif" for blob in files)
    numbered = all(re.fullmatch(r"(?i)\D*frame\D*\d+", path.stem) for path in pictures)
    return kind is None and bool(pictures) and numbered and min(len(path.parts) for path in pictures) > 2


def _moves(blob: Blob) -> bool:
    # a second picture control block means a second frame
    return blob.read().count(b"\x21\xf9\x04") > 1
