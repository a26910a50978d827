"""The next `horizon` steps of some columns, as points or quantiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bicameral.errors import ConfigError
from bicameral.tasks import metrics
from bicameral.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Forecast(Task):
    """Trained and judged in z-space, on the training part's mean and deviation; decoded in raw units.

    Output (b, horizon, columns), with quantiles (b, horizon, columns, quantiles).
    """

    name: ClassVar[str] = "forecast"
    augmentations: ClassVar = ("jitter",)  # what follows would have to be scaled and moved too
    lookback: int
    horizon: int
    columns: tuple[str, ...]
    channels: tuple[int, ...]  # where the columns stand among the input channels
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    quantiles: tuple[float, ...] = ()
    metric: str = "mse"

    def __post_init__(self) -> None:
        if any(not 0 < level < 1 for level in self.quantiles):
            raise ConfigError(f"quantiles lie between 0 and 1, not {self.quantiles}")
        if self.horizon < 1 or self.lookback < 1:
            raise ConfigError(f"horizon and lookback are at least 1, not {self.horizon} and {self.lookback}")
        metrics.check_metric(self.metric, self.table)

    @property
    def output_shape(self) -> tuple[int, ...]:
        levels = (len(self.quantiles),) if self.quantiles else ()
        return (self.horizon, len(self.columns), *levels)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return METRICS if self.quantiles else {name: METRICS[name] for name in METRICS if name != "pinball"}

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        """Of each window and step ahead (n, horizon): errors in z-space, averaged over columns."""
        points: dict[str, metrics.Statistic] = {
            "squared_error": lambda p, y: ((self._points(p) - y) ** 2).mean(-1),
            "absolute_error": lambda p, y: np.abs(self._points(p) - y).mean(-1),
            "raw_absolute_error": lambda p, y: (np.abs(self._points(p) - y) * self.deviation).mean(-1),
        }
        return points | ({"pinball": self._pinball} if self.quantiles else {})

    def loss(
        self,
        output: Tensor,
        y: Tensor,
        *,
        smoothing: float = 0.0,  # noqa: ARG002  labels only
        class_weights: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        y = self.standardise(y)
        if not self.quantiles:
            return nn.functional.mse_loss(output, y)
        error, levels = y[..., None] - output, output.new_tensor(self.quantiles)
        return (levels * error).maximum((levels - 1) * error).mean()

    def standardise(self, y: Tensor) -> Tensor:
        """Targets (b horizon columns) in training deviations from the training mean."""
        return (y.float() - y.new_tensor(self.mean).float()) / y.new_tensor(self.deviation).float()

    def raw(self, points: np.ndarray) -> np.ndarray:
        """Z-space values (... columns) in the units of the data."""
        return points * np.asarray(self.deviation) + np.asarray(self.mean)

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return output.double().numpy(), self.standardise(y).double().numpy()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Minus the mean squared error of each window, in z-space."""
        return -statistics["squared_error"].mean(1)

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        values = output.double().numpy()
        answers = [
            dict(zip(self.columns, row.T.tolist(), strict=True)) for row in self.raw(self._points(values))
        ]
        for answer, row in zip(answers, values, strict=True):
            for level, name in enumerate(self.quantiles):
                for column, series in zip(self.columns, self.raw(row[..., level]).T.tolist(), strict=True):
                    answer[f"{column}_q{name:g}"] = series
        return answers

    def _points(self, prediction: np.ndarray) -> np.ndarray:
        if not self.quantiles:
            return prediction
        return prediction[..., int(np.argmin(np.abs(np.asarray(self.quantiles) - 0.5)))]

    def _pinball(self, prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
        error, levels = truth[..., None] - prediction, np.asarray(self.quantiles)
        return np.maximum(levels * error, (levels - 1) * error).mean((-2, -1))


METRICS = {
    "mse": metrics.mean_of("squared_error", higher_is_better=False, rope=0.005),
    "mae": metrics.mean_of("absolute_error", higher_is_better=False, rope=0.005),
    "raw_mae": metrics.mean_of("raw_absolute_error", higher_is_better=False),
    "pinball": metrics.mean_of("pinball", higher_is_better=False, rope=0.005),
}
