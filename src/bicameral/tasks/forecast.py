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
        metrics.check_metric(self.metric, dict(self.table))

    @property
    def output_shape(self) -> tuple[int, ...]:
        levels = (len(self.quantiles),) if self.quantiles else ()
        return (self.horizon, len(self.columns), *levels)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        points = {
            name: metrics.Metric(
                lambda p, y, metric=metric: metric.compute(self._points(p), y),
                higher_is_better=metric.higher_is_better,
                rope=metric.rope,
            )
            for name, metric in metrics.FORECAST.items()
        }
        raw = {"raw_mae": metrics.Metric(self._raw_mae, higher_is_better=False)}
        return points | raw | ({"pinball": metrics.pinball(self.quantiles)} if self.quantiles else {})

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

    def per_example(self, output: Tensor, y: Tensor) -> np.ndarray:
        """Minus the mean squared error of each window, in z-space."""
        prediction, truth = self.values(output, y)
        return -((self._points(prediction) - truth) ** 2).mean((1, 2))

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

    def _raw_mae(self, prediction: np.ndarray, truth: np.ndarray) -> float:
        return float(np.abs(self.raw(self._points(prediction)) - self.raw(truth)).mean())
