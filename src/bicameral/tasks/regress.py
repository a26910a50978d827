"""Numbers an example: trained on standardised targets, judged in raw units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset, Kind
from bicameral.errors import DataError
from bicameral.registry import Entry
from bicameral.tasks import metrics
from bicameral.tasks.labelled import ExampleOptions, Examples

ROPE_SHARE = 0.01  # of the spread of the targets


@registry.task
@dataclass(frozen=True, kw_only=True)
class Regress(Examples):
    """One or several real targets; mean and deviation are those of the training part."""

    name: ClassVar[str] = "regress"
    columns: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    metric: str = "r2"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return isinstance(dataset.targets, np.ndarray) and not dataset.classes

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        answers = entry.gives == "answer" and entry.numbers and kind in entry.kinds
        return "" if answers else super().unfit(entry, kind)

    @classmethod
    def fitted(
        cls,
        dataset: Dataset,
        train: np.ndarray,
        preprocessing: Any,  # noqa: ARG003
        asked: ExampleOptions,
    ) -> "Regress":
        mean, deviation = standardisation(dataset.targets[train])
        columns = dataset.target_columns or tuple(f"y{index}" for index in range(len(mean)))
        metric = {"metric": asked.metric} if asked.metric else {}
        return cls(columns=columns, mean=mean, deviation=deviation, **metric)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.columns),)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return METRICS

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        return KEPT

    def loss(
        self,
        output: Tensor,
        y: Tensor,
        *,
        smoothing: float = 0.0,  # noqa: ARG002
        class_weights: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        return nn.functional.mse_loss(output, self.standardise(y))

    def standardise(self, y: Tensor) -> Tensor:
        """Targets (b,) or (b k) -> (b k) with the training part's mean 0 and deviation 1."""
        y = y.reshape(len(y), -1).float()
        return (y - y.new_tensor(self.mean)) / y.new_tensor(self.deviation)

    def raw(self, output: Tensor) -> Tensor:
        """Network outputs in the units of the data."""
        output = output.double()
        return output * output.new_tensor(self.deviation) + output.new_tensor(self.mean)

    def to_judge(self, dataset: Dataset) -> Dataset:
        dataset = super().to_judge(dataset)
        if dataset.classes:
            raise DataError(
                f"{dataset.name} is labelled with classes, the task is {self.name}: pass answer=regress"
            )
        return dataset

    def ridge_targets(self, y: Tensor) -> Tensor:
        return self.standardise(y).double()

    def guess(self, y: Tensor) -> Tensor:  # noqa: ARG002
        """The mean."""
        return torch.zeros(self.output_shape)

    def rope(self, dataset: Dataset) -> float:
        """The smallest difference worth caring about; of errors in units of the data, a share of them."""
        if self.metric == "r2":
            return super().rope(dataset)
        return ROPE_SHARE * float(np.std(dataset.targets))

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return self.raw(output).numpy(), y.reshape(len(y), -1).double().numpy()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Minus the squared error, in training deviations."""
        return -(statistics["squared_error"] / np.square(self.deviation)).mean(-1)

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.raw(output).tolist()]


def standardisation(targets: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each target column; a constant column gets deviation 1."""
    values = torch.as_tensor(targets).double().reshape(len(targets), -1)
    deviation = values.std(0, correction=0)
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    return tuple(values.mean(0).tolist()), tuple(deviation.tolist())


def _rmse(kept: metrics.Statistics) -> float:
    return float(np.sqrt(kept["squared_error"].mean()))


KEPT: Mapping[str, metrics.Statistic] = {  # each (n, columns), in the units of the data
    "truth": lambda p, y: y,  # noqa: ARG005
    "squared_error": lambda p, y: (p - y) ** 2,
    "absolute_error": lambda p, y: np.abs(p - y),
}
METRICS = {
    "r2": metrics.Metric(metrics.r2, ("squared_error", "truth")),
    "mae": metrics.mean_of("absolute_error", higher_is_better=False),
    "rmse": metrics.Metric(_rmse, ("squared_error",), higher_is_better=False),
}
