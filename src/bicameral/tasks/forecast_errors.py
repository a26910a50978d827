"""How far forecasts are off: in z-space, in the units of the data, scaled by the season, and by quantiles."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bicameral.tasks import metrics
from bicameral.tasks.units import symmetric_error


def kept(task: Any) -> Mapping[str, metrics.Statistic]:
    """What a forecast keeps of each window and step ahead (n, horizon): errors averaged over columns.

    Errors are of z-space if not raw; truth (n, horizon, columns), of a scaled task with a last row of scales.
    """

    def known(truth: np.ndarray) -> np.ndarray:
        return truth[:, : task.horizon]

    def missed(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.abs(task.points(prediction) - known(truth))

    found: dict[str, metrics.Statistic] = {
        "squared_error": lambda p, y: (missed(p, y) ** 2).mean(-1),
        "absolute_error": lambda p, y: missed(p, y).mean(-1),
        "raw_absolute_error": lambda p, y: (missed(p, y) * task.deviation).mean(-1),
        "symmetric_error": lambda p, y: symmetric_error(task.raw(task.points(p)), task.raw(known(y))).mean(
            -1
        ),
    }
    if task.scaled:
        found["scaled_error"] = lambda p, y: (missed(p, y) / task.scales(y)).mean(-1)
    if task.quantiles:
        found["pinball"] = lambda p, y: _pinball(p, known(y), np.asarray(task.quantiles))
    return found


def _pinball(prediction: np.ndarray, truth: np.ndarray, levels: np.ndarray) -> np.ndarray:
    error = truth[..., None] - prediction
    return np.maximum(levels * error, (levels - 1) * error).mean((-2, -1))


METRICS = {
    "mse": metrics.mean_of("squared_error", higher_is_better=False, rope=0.005),
    "mae": metrics.mean_of("absolute_error", higher_is_better=False, rope=0.005),
    "mase": metrics.mean_of("scaled_error", higher_is_better=False, rope=0.01),
    "smape": metrics.mean_of("symmetric_error", higher_is_better=False, percent=True),
    "raw_mae": metrics.mean_of("raw_absolute_error", higher_is_better=False),
    "pinball": metrics.mean_of("pinball", higher_is_better=False, rope=0.005),
}
