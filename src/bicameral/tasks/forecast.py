"""The next `horizon` steps of some columns, as points or quantiles."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset, Kind
from bicameral.data.examples.season import season_of
from bicameral.data.examples.windows import Horizons, windows
from bicameral.data.preprocessing import Preprocessing
from bicameral.errors import ConfigError
from bicameral.registry import Entry
from bicameral.tasks import metrics, options
from bicameral.tasks.ahead import Ahead, AheadOptions, is_to_come, shortest_of
from bicameral.tasks.errors import Errors, errors_of
from bicameral.tasks.forecast_errors import METRICS, kept
from bicameral.tasks.pick_channels import PickChannels
from bicameral.tasks.units import Units, kept_as_they_are, of_look_back


@dataclass(frozen=True, kw_only=True)
class ForecastOptions(AheadOptions):
    """What is asked of series."""

    targets: tuple[str, ...] | None = options.option(options.NAMES)
    quantiles: tuple[float, ...] | None = options.option(options.SHARES)
    season: int | None = options.option(options.COUNT)


@registry.task
@dataclass(frozen=True, kw_only=True)
class Forecast(Ahead):
    """Trained and judged in z-space, on the training part's mean and deviation; decoded in raw units.

    Output (b, horizon, columns), with quantiles (b, horizon, columns, quantiles). Of several series each
    window is scaled by its own look-back, and errors by how much the series moves in a season (MASE): the
    targets (b, horizon + 1, columns) bring that scale as their last row.
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
    season: int | None = None  # steps; None: not known
    scaled: bool = False  # several series: each window in units of its own
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
        if dataset.targets is None:
            asked = replace(asked, season=asked.season or season_of(dataset))
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
            for key in ("lookback", "horizon", "quantiles", "metric", "season")
            if key in asked.given
        }
        scaled = _is_scaled(dataset)
        if scaled:
            shown = {"metric": "mase", **shown}
        return cls(
            columns=dataset.target_columns,
            channels=channels,
            mean=tuple(float(preprocessing.mean[channel]) for channel in channels),
            deviation=tuple(float(preprocessing.deviation[channel]) for channel in channels),
            scaled=scaled,
            **shown,
        )

    @classmethod
    def fit_preprocessing(cls, dataset: Dataset, train: np.ndarray, asked: Any) -> Preprocessing:
        """Targets of several series stay as they are: their windows are scaled one by one."""
        found = super().fit_preprocessing(dataset, train, asked)
        if not _is_scaled(dataset):
            return found
        own = [dataset.columns.index(name) for name in dataset.target_columns]
        return replace(found, **kept_as_they_are(found, own))

    def model_fields(self, entry: Entry) -> dict[str, Any]:
        fields = super().model_fields(entry)
        if "zeros" in entry.fields and not self.scaled:
            fields["zeros"] = self._zeros()
        known = self.season is not None and 1 < self.season <= self.lookback
        asks = any(field.name == "season" for field in dataclass_fields(entry.config))
        return {**fields, "season": self.season} if known and asks else fields

    def _zeros(self) -> tuple[float, ...]:
        """What each channel reads where the data are zero; infinity of those that are not forecast."""
        found = [math.inf] * (max(self.channels) + 1)
        for channel, mean, deviation in zip(self.channels, self.mean, self.deviation, strict=True):
            found[channel] = -mean / deviation
        return tuple(found)

    def rescaled(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Units | None]:
        """Target channels from their last value, in deviations of the look-back."""
        if not self.scaled:
            return x, None
        scaled, units = of_look_back(x, lengths, self.channels)
        return scaled, Units(*(unit[..., None] for unit in units)) if self.quantiles else units

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        forecasts = entry.gives == "forecast" and entry.reads != "frames"
        return "" if forecasts or entry.source else super().unfit(entry, kind)

    @property
    def anchors(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  read only
        return self.channels

    def to_judge(self, dataset: Dataset) -> Dataset:
        """Every window of a series."""
        if dataset.targets is not None:
            return dataset
        settings = {"lookback": self.lookback, "horizon": self.horizon, "target_columns": self.columns}
        return windows(dataset, **settings, season=(self.season or 1) if self.scaled else None)

    def head(self, backbone: Any, entry: Entry, width: int) -> nn.Module:
        if entry.gives != "forecast":
            return super().head(backbone, entry, width)
        return PickChannels(self.channels, self.horizon, len(self.quantiles))

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
        hidden = {"mse", "mae"} if self.scaled else {"mase"}
        hidden |= set() if self.quantiles else {"pinball"}
        return {name: METRICS[name] for name in METRICS if name not in hidden}

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        return kept(self)

    def loss(
        self,
        output: Tensor,
        y: Tensor,
        *,
        smoothing: float = 0.0,  # noqa: ARG002
        class_weights: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        scales, y = self.scales(y), self.standardise(y)
        if self.quantiles:
            error, levels = y[..., None] - output, output.new_tensor(self.quantiles)
            error = error / scales[..., None] if self.scaled else error
            return (levels * error).maximum((levels - 1) * error).mean()
        # Scaled errors are judged as they are: squared, the quietest series would decide alone.
        return ((output - y) / scales).abs().mean() if self.scaled else nn.functional.mse_loss(output, y)

    def standardise(self, y: Tensor) -> Tensor:
        """Targets (b horizon columns) in training deviations from the training mean."""
        y = y[:, : self.horizon]
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
        truth = self.standardise(y).double()
        rows = torch.cat([truth, self.scales(y).double()], 1) if self.scaled else truth
        return output.double().numpy(), rows.numpy()

    def in_units(self, output: Tensor) -> np.ndarray:
        """Points (n horizon columns) in the units of the data."""
        return self.raw(self.points(output.double().numpy()))

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Minus the mean squared error of each window, in z-space; of several series the scaled error."""
        return -statistics["scaled_error" if self.scaled else "squared_error"].mean(1)

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        values = output.double().numpy()
        answers = [
            dict(zip(self.columns, row.T.tolist(), strict=True)) for row in self.raw(self.points(values))
        ]
        for answer, row in zip(answers, values, strict=True):
            for level, name in enumerate(self.quantiles):
                for column, series in zip(self.columns, self.raw(row[..., level]).T.tolist(), strict=True):
                    answer[f"{column}_q{name:g}"] = series
        return answers

    def errors(self, output: Tensor, y: Tensor, rows: np.ndarray) -> Errors:
        """The worst windows, of which no two forecast the same stretch."""
        return errors_of(self.outcomes(self.statistics(output, y)), rows, self.horizon)

    def points(self, prediction: np.ndarray) -> np.ndarray:
        """Point forecasts (n horizon columns): of quantiles the one next to the middle."""
        if not self.quantiles:
            return prediction
        return prediction[..., int(np.argmin(np.abs(np.asarray(self.quantiles) - 0.5)))]

    def scales(self, y: Any) -> Any:
        """The last row of targets, in z-space; empty where they have none."""
        return y[:, self.horizon :]


def _is_scaled(dataset: Dataset) -> bool:
    """Whether these are windows of several series."""
    return isinstance(dataset.targets, Horizons) and dataset.targets.scales is not None
