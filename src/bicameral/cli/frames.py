"""Predicted frames on disk and on a line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bicameral.cli.show import escaped
from bicameral.errors import ConfigError

PICTURES = ("L", None, "RGB", "RGBA")  # by number of channels, from one


def described(frames: Any) -> str:
    """Frames (t c h w) in words."""
    t, c, h, w = frames.shape
    channels = "" if c == 1 else f", {c} channels"
    return f"{t} frames of {h} x {w}{channels}; --out PATH writes them"


def write_frames(answers: Sequence[Mapping[str, Any]], out: Path) -> str:
    """Write the frames of every answer, and say where; bytes may be pictures, anything else is an .npz."""
    if not answers or "frames" not in answers[0]:
        raise ConfigError("--out is for predicted frames; these answers are shown, or written with --json")
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".npz":
        _write_arrays(answers, out)
    else:
        _write_pictures(answers, out)
    return f"wrote {len(answers)} clips of {len(answers[0]['frames'])} frames to {escaped(out)}"


def _write_arrays(answers: Sequence[Mapping[str, Any]], out: Path) -> None:
    import numpy as np

    frames, ids = ([answer[key] for answer in answers] for key in ("frames", "id"))
    with out.open("wb") as file:
        np.savez_compressed(file, frames=np.stack(frames), ids=np.array(ids))


def _write_pictures(answers: Sequence[Mapping[str, Any]], out: Path) -> None:
    from PIL import Image

    first = answers[0]["frames"]
    mode = PICTURES[first.shape[1] - 1] if first.shape[1] <= len(PICTURES) else None
    if first.dtype.kind != "u" or mode is None:
        raise ConfigError(
            f"{first.dtype} frames of {first.shape[1]} channels are no pictures; end --out in .npz"
        )
    for number, answer in enumerate(answers):
        folder = out / f"clip_{number:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        for t, frame in enumerate(answer["frames"]):
            pixels = frame[0] if mode == "L" else frame.transpose(1, 2, 0)
            Image.fromarray(pixels).save(folder / f"frame_{t:03d}.png")
