"""The next `horizon` steps of some columns, as points or quantiles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset, Kind
from bicameral.data.examples.windows import windows
from bicameral.errors import ConfigError
from bicameral.registry import Entry
from bicameral.tasks import metrics, options
from bicameral.tasks.ahead import Ahead, AheadOptions, is_to_come, shortest_of
from bicameral.tasks.errors import Errors, errors_of


@dataclass(frozen=True, kw_only=True)
class ForecastOptions(AheadOptions):
    """What is asked of series."""

    targets: tuple[str, ...] | None = options.option(options.NAMES)
    quantiles: tuple[float, ...] | None = options.option(options.SHARES)


@registry.task
@dataclass(frozen=True, kw_only=True)
class Forecast(Ahead):
    """Trained and judged in z-space, on the training part's mean and deviation; decoded in raw units.

    Output (b, horizon, columns), with quantiles (b, horizon, columns, quantiles).
    """

    name: ClassVar[str] = "forecast"
    Options: ClassVar = ForecastOptions
    can_mix: ClassVar[bool] = True
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
        self._check_spans()
        metrics.check_metric(self.metric, self.table)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return dataset.kind == "series" and is_to_come(dataset)

    @classmethod
    def read_options(cls, dataset: Dataset, given: Mapping[str, Any]) -> options.Options:
        asked = options.read_options(ForecastOptions, dataset.kind, given)
        if asked.horizon and asked.lookback:
            return asked
        shortest = shortest_of(dataset)
        horizon = asked.horizon or max(1, min(24, shortest // 20))
        # Where series are short: room for a window of each part, whose horizons share nothing.
        room = shortest - 3 * horizon - 1
        lookback = asked.lookback or max(1, min(8 * horizon, shortest // 4, room))
        return replace(asked, horizon=horizon, lookback=lookback)

    @classmethod
    def fitted(
        cls,
        dataset: Dataset,
        train: np.ndarray,  # noqa: ARG003
        preprocessing: Any,
        asked: ForecastOptions,
    ) -> "Forecast":
        channels = tuple(dataset.columns.index(name) for name in dataset.target_columns)
        shown = {
            key: asked.given[key]
            for key in ("lookback", "horizon", "quantiles", "metric")
            if key in asked.given
        }
        return cls(
            columns=dataset.target_columns,
            channels=channels,
            mean=tuple(float(preprocessing.mean[channel]) for channel in channels),
            deviation=tuple(float(preprocessing.deviation[channel]) for channel in channels),
            **shown,
        )

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        forecasts = entry.gives == "forecast" and entry.reads != "frames"
        return "" if forecasts else super().unfit(entry, kind)

    @property
    def anchors(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  read only
        return self.channels

    def to_judge(self, dataset: Dataset) -> Dataset:
        """Every window of a series."""
        if dataset.targets is not None:
            return dataset
        return windows(dataset, lookback=self.lookback, horizon=self.horizon, target_columns=self.columns)

    def head(self, backbone: Any, entry: Entry, width: int) -> nn.Module:
        return PickChannels(self) if entry.gives == "forecast" else super().head(backbone, entry, width)

    def anchored(self, output: Tensor, last: Tensor) -> Tensor:
        """Heads forecast the change from the last known value of each column (as NLinear does)."""
        last = last[:, None]
        return output + (last[..., None] if self.quantiles else last)

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
        smoothing: float = 0.0,  # noqa: ARG002
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

    def ridge_targets(self, y: Tensor) -> Tensor:
        y = self.standardise(y).double()
        return y[..., None].expand(*y.shape, len(self.quantiles)) if self.quantiles else y

    def ridge_adjustment(
        self,
        output: Tensor,  # noqa: ARG002
        left_out: Tensor,
        y: Tensor,  # noqa: ARG002
    ) -> tuple[float, Tensor | float]:
        """Move each quantile off the mean, by the errors of the rows left out."""
        if not self.quantiles:
            return 1.0, 0.0
        levels = [left_out[..., i].flatten(1).quantile(level, 0) for i, level in enumerate(self.quantiles)]
        return 1.0, torch.stack(levels, -1).view(self.output_shape)

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return output.double().numpy(), self.standardise(y).double().numpy()

    def in_units(self, output: Tensor) -> np.ndarray:
        """Points (n horizon columns) in the units of the data."""
        return self.raw(self._points(output.double().numpy()))

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

    def errors(self, output: Tensor, y: Tensor, rows: np.ndarray) -> Errors:
        """The worst windows, of which no two forecast the same stretch."""
        return errors_of(self.outcomes(self.statistics(output, y)), rows, self.horizon)

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


class PickChannels(nn.Module):
    """Forecasts of all input channels -> those of the target columns, spread over quantiles if asked."""

    def __init__(self, task: Forecast):
        super().__init__()
        self.channels = list(task.channels)
        spread = torch.zeros(task.horizon, 1, len(task.quantiles))
        self.spread = nn.Parameter(spread) if task.quantiles else None

    def forward(self, y: Float[Tensor, "b horizon d"]) -> Tensor:
        """(b horizon d) -> (b horizon columns), with quantiles (b horizon columns quantiles)."""
        y = y[..., self.channels]
        return y if self.spread is None else y[..., None] + self.spread
