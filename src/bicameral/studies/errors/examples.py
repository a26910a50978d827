"""Where the winner errs on the test part: confusion, calibration, and the worst examples shown."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.problems.problem import Problem
from bicameral.studies.errors.continuations import foretold
from bicameral.studies.errors.strips import foretold_frames
from bicameral.tasks import Classify, Forecast, NextFrames

NUM_WORST, NUM_BINS, MOST_CLASSES = 12, 10, 40
THUMBNAIL, POINTS = 64, 64
LINES = 8  # channels; of a series with more of them a line of the first one says little


def mistakes(problem: Problem, folder: Path) -> dict[str, Any]:
    """Judge the artifact in `folder` on the sealed part, example by example."""
    artifact = Artifact.from_pretrained(folder)
    if artifact.task.per_step:
        return foretold(problem, artifact)
    dataset, rows = problem.dataset, problem.test
    output = artifact.outputs(dataset, rows)
    statistics = artifact.task.statistics(output, _tensor(dataset.targets[rows]))
    scores = artifact.task.outcomes(statistics)
    found: dict[str, Any] = {"confusion": None, "calibration": None, "residuals": None, "per_example": scores}
    if isinstance(artifact.task, Classify):
        probabilities = output.double().softmax(-1).numpy()
        truth = np.asarray(dataset.targets[rows])
        found |= {"confusion": _confusion(artifact.task.classes, probabilities, truth)}
        found |= {"calibration": _calibration(probabilities, truth)}
        wrong = _confident_and_wrong(probabilities, truth)
        found["worst"] = [
            _shown(dataset, int(rows[index])) | _named(artifact.task, probabilities[index], int(truth[index]))
            for index in wrong
        ]
    elif isinstance(artifact.task, NextFrames):
        frames = artifact.task.raw(output).numpy()
        found |= foretold_frames(artifact.task, dataset, rows, frames, scores) | {"worst": []}
    else:
        worst = _worst(scores, rows, artifact.task.horizon if isinstance(artifact.task, Forecast) else 1)
        found["residuals"] = {"quantiles": np.quantile(-scores, [0, 0.25, 0.5, 0.75, 0.95, 1]).tolist()}
        found["worst"] = [
            _shown(dataset, int(rows[index])) | {"error": float(-scores[index])} for index in worst
        ]
    return found


def _tensor(values: Any) -> Any:
    import torch

    return torch.as_tensor(np.asarray(values))


def _confusion(
    classes: tuple[str, ...], probabilities: np.ndarray, truth: np.ndarray
) -> dict[str, Any] | None:
    if len(classes) > MOST_CLASSES:
        return None
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (truth, probabilities.argmax(-1)), 1)
    return {"classes": list(classes), "counts": counts.tolist()}


def _calibration(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    confidence, hit = probabilities.max(-1), probabilities.argmax(-1) == truth
    bin_of = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    bins = [
        {"confidence": confidence[inside].mean(), "accuracy": hit[inside].mean(), "count": int(inside.sum())}
        for inside in (bin_of == index for index in range(NUM_BINS))
        if inside.any()
    ]
    gap = sum(item["count"] * abs(item["confidence"] - item["accuracy"]) for item in bins) / len(truth)
    return {"bins": bins, "ece": float(gap)}


def _confident_and_wrong(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    wrong = np.flatnonzero(probabilities.argmax(-1) != truth)
    return wrong[np.argsort(-probabilities[wrong].max(-1))][:NUM_WORST]


def _worst(scores: np.ndarray, rows: np.ndarray, apart: int) -> list[int]:
    """Indices of the lowest scores, windows that forecast the same stretch only once."""
    kept: list[int] = []
    for index in np.argsort(scores, kind="stable"):
        if len(kept) < NUM_WORST and all(abs(rows[index] - rows[other]) >= apart for other in kept):
            kept.append(int(index))
    return kept


def _named(task: Classify, probabilities: np.ndarray, truth: int) -> dict[str, Any]:
    guess = int(probabilities.argmax())
    return {
        "true": task.classes[truth],
        "predicted": task.classes[guess],
        "confidence": float(probabilities[guess]),
    }


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
