"""Where a model errs on the test part: confusion, calibration, and the worst examples shown."""

import base64
import io
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.problems.problem import Problem
from bicameral.studies.errors.continuations import predictions
from bicameral.studies.errors.strips import predicted_frames
from bicameral.tasks import NextFrames

THUMBNAIL, POINTS = 64, 64
LINES = 8  # channels; of a series with more of them a line of the first one says little


def mistakes(problem: Problem, folder: Path) -> dict[str, Any]:
    """Judge the artifact in `folder` on the sealed part, example by example."""
    artifact = Artifact.from_pretrained(folder)
    if artifact.task.per_step:
        return predictions(problem, artifact)
    dataset, rows = problem.dataset, problem.test
    found = artifact.task.errors(artifact.outputs(dataset, rows), _tensor(dataset.targets[rows]), rows)
    said: dict[str, Any] = {
        "confusion": found.confusion,
        "calibration": found.calibration,
        "residuals": found.residuals,
        "per_example": found.outcomes,
        "worst": [
            _shown(dataset, int(rows[place])) | dict(facts)
            for place, facts in zip(found.worst, found.facts, strict=True)
        ],
    }
    if found.frames is None:
        return said
    return said | predicted_frames(
        cast(NextFrames, artifact.task), dataset, rows, found.frames, found.outcomes
    )


def _tensor(values: Any) -> Any:
    import torch

    return torch.as_tensor(np.asarray(values))


def _shown(dataset: Dataset, row: int) -> dict[str, Any]:
    """What a person can look at: a small picture, a line, or the text."""
    item = dataset.items[row]
    shown: dict[str, Any] = {
        "id": str(dataset.ids[row] if len(dataset.ids) else row),
        "thumbnail": None,
        "sparkline": None,
        "text": None,
    }
    if dataset.kind == "text":
        return shown | {"text": item[:280]}
    if dataset.kind in ("image", "clip"):
        return shown | {"thumbnail": _thumbnail(item if item.ndim == 3 else item[len(item) // 2])}
    if item.ndim == 2 and item.shape[1] > LINES:
        return shown | {"thumbnail": _channels(item)}
    return shown | {"sparkline": _sparkline(item if item.ndim == 1 else item[:, 0])}


def _thumbnail(picture: np.ndarray) -> str:
    """A picture (c h w) as a PNG data URI of `THUMBNAIL` pixels at its longer side."""
    picture = _as_bytes(picture)
    pixels = picture[0] if len(picture) != 3 else picture.transpose(1, 2, 0)
    image = Image.fromarray(pixels)
    scale = THUMBNAIL / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return _png(image.resize(size, Image.Resampling.NEAREST))


def _channels(series: np.ndarray) -> str:
    """A series (t d) as a PNG data URI: time to the right, the last channel on top, as on a piano roll."""
    image = Image.fromarray(np.ascontiguousarray(_as_bytes(np.nan_to_num(series)).T[::-1]))
    return _png(image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))


def _as_bytes(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    low, high = np.nanmin(values), np.nanmax(values)
    return np.nan_to_num((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _sparkline(values: np.ndarray) -> list[float]:
    """At most `POINTS` means of equal stretches."""
    pieces = np.array_split(np.nan_to_num(np.asarray(values, dtype=float)), min(POINTS, len(values)))
    return [float(piece.mean()) for piece in pieces]
