"""Clips to be continued, as a problem: how many frames in and out, and the task of the training rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing.statistics import sampled
from bicameral.tasks import NextFrames

FRAMES_OPTIONS = ("lookback", "horizon", "stride", "borders", "pixels", "threshold")
MOST_FRAMES = 10  # in and out, where nobody says otherwise
MOST_LOOKED_AT = 64  # clips, for the range of their values


def is_windowed_clips(dataset: Dataset) -> bool:
    """Whether examples are look-backs of clips, each with the frames that follow."""
    return dataset.kind == "clip" and dataset.targets is not None and dataset.targets.ndim == 5


def with_horizon(dataset: Dataset, options: dict[str, Any]) -> dict[str, Any]:
    """Fill in the numbers of frames in and out."""
    shortest = min(len(item) for item in dataset.items)
    horizon = options.setdefault("horizon", max(1, min(MOST_FRAMES, shortest // 2)))
    options.setdefault("lookback", max(1, min(MOST_FRAMES, shortest - horizon)))
    return options


def whole_frames(dataset: Dataset) -> dict[str, int]:
    """Options of the preprocessing that keep every frame at its size, as the truth is kept."""
    look = dataset.items[0]
    return {"frames": len(look), "size": max(look.shape[-2:])}


def frames_task(
    dataset: Dataset,
    train: np.ndarray,
    preprocessing: Any,
    options: Mapping[str, Any],
    metric: dict[str, str],
) -> NextFrames:
    """The task, with the range and the threshold that the training rows suggest."""
    looks = list(sampled(dataset.items, train, MOST_LOOKED_AT))
    is_bytes = looks[0].dtype == np.uint8
    above = np.add(preprocessing.mean, preprocessing.deviation).mean()
    return NextFrames(
        lookback=options["lookback"],
        horizon=options["horizon"],
        frame=looks[0].shape[1:],
        mean=preprocessing.mean,
        deviation=preprocessing.deviation,
        low=0.0 if is_bytes else float(min(np.nanmin(look) for look in looks)),
        high=1.0 if is_bytes else float(max(np.nanmax(look) for look in looks)),
        bounded=bool(is_bytes),
        threshold=float(options.get("threshold", above)),
        **metric,
    )
