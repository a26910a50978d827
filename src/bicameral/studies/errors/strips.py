"""How well a model continues clips of the test part: by how far ahead, and as strips of frames."""

import base64
import io
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from bicameral.data.dataset import Dataset
from bicameral.tasks import NextFrames

NUM_STRIPS, MOST_FRAMES = 3, 10  # clips shown, and frames of each before and after the present
SIDE, GAP = 64, 2  # pixels of a frame's longer side, and between frames
PAPER = 255


def predicted_frames(
    task: NextFrames, dataset: Dataset, rows: np.ndarray, prediction: np.ndarray, scores: np.ndarray
) -> dict[str, Any]:
    """What the page says of predicted frames (n horizon c h w), in the units of the data."""
    truth = np.asarray(dataset.targets[rows])
    order = np.argsort(scores, kind="stable")
    shown = dict.fromkeys(order[[0, len(order) // 2, -1]].tolist())  # the worst, the median, the best
    return {
        "by_step": _by_step(task, _last_frames(dataset, rows), prediction, truth),
        "strips": [
            {
                "id": str(dataset.ids[int(rows[row])]),
                "error": float(-scores[row]),
                "picture": strip(task, _of_unit(dataset.items[int(rows[row])]), truth[row], prediction[row]),
            }
            for row in shown
        ],
    }


def _by_step(
    task: NextFrames, last: np.ndarray, prediction: np.ndarray, truth: np.ndarray
) -> list[dict[str, float]]:
    """The headline metric of each frame ahead, for the model and for a clip that stands still."""
    model, still = task.by_step(prediction, truth), task.by_step(np.broadcast_to(last, truth.shape), truth)
    return [
        {"ahead": ahead, "model": one, "still": other}
        for ahead, (one, other) in enumerate(zip(model, still, strict=True), 1)
    ]


def _last_frames(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    last = np.stack([_of_unit(dataset.items[int(row)][-1:]) for row in rows])
    return np.nan_to_num(last, nan=float(np.nanmean(last)))


def _of_unit(frames: np.ndarray) -> np.ndarray:
    return frames.astype(np.float32) / 255 if frames.dtype == np.uint8 else frames


def strip(task: NextFrames, look: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> str:
    """Above, what was seen and what came; below, what was predicted: a PNG as data URI."""
    before, after = look[-MOST_FRAMES:], min(len(truth), MOST_FRAMES)
    above = [_tile(task, frame) for frame in (*before, *truth[:after])]
    empty = np.full_like(above[0], PAPER)
    below = [empty] * len(before) + [_tile(task, frame) for frame in prediction[:after]]
    gap = np.full((GAP, above[0].shape[1] * len(above), *above[0].shape[2:]), PAPER, np.uint8)
    pixels = np.concatenate([np.concatenate(above, 1), gap, np.concatenate(below, 1)])
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _tile(task: NextFrames, frame: np.ndarray) -> UInt8[np.ndarray, "h w *c"]:
    """One frame as bytes, with a gap at its right; missing pixels are the lowest."""
    share = (np.nan_to_num(frame, nan=task.low) - task.low) / max(task.high - task.low, 1e-12)
    pixels = (255 * share.clip(0, 1)).astype(np.uint8)
    image = Image.fromarray(pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0])
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    tile = np.asarray(image.resize(size, Image.Resampling.NEAREST))
    margin = [(0, 0), (0, GAP), *[(0, 0)] * (tile.ndim - 2)]
    return np.pad(tile, margin, constant_values=PAPER)
