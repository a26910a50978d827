"""What a task is: the shape of an answer, its loss, its metrics, its decoding."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from bicameral.tasks.metrics import Metric, Statistic, Statistics


class Task(ABC):
    """A frozen dataclass that says how outputs are judged and read. `output` is what the network gives."""

    name: ClassVar[str]
    per_step: ClassVar[bool] = False  # whether every step of a sequence has an answer of its own
    augmentations: ClassVar[tuple[str, ...] | None] = None  # that leave its answers true; None: every one
    metric: str  # the headline metric

    @property
    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one example."""

    @property
    @abstractmethod
    def table(self) -> Mapping[str, Metric]:
        """The metrics of this task by name."""

    @property
    @abstractmethod
    def kept(self) -> Mapping[str, Statistic]:
        """What is kept of every example, by name, computed from `values`: all that the metrics need."""

    @abstractmethod
    def loss(
        self, output: Tensor, y: Tensor, *, smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        """Mean loss over the batch."""

    def loss_weight(self, y: Tensor, class_weights: Tensor | None = None) -> float:  # noqa: ARG002
        """What the mean loss over `y` was divided by: rows, but where a task counts otherwise."""
        return float(len(y))

    def judged(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """What is kept of outputs to be judged: all, unless a part of the data at once would be too large."""
        return output

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Mean loss of outputs as `judged` keeps them."""
        return self.loss(output, y)

    @abstractmethod
    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and truth, one row an example, as `kept` reads them."""

    @abstractmethod
    def outcomes(self, statistics: Statistics) -> np.ndarray:
        """One score an example (n,), higher is better."""

    @abstractmethod
    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """One readable answer an example."""

    @property
    def headline(self) -> Metric:
        """The metric that decides."""
        return self.table[self.metric]

    def statistics(
        self, output: Tensor, y: Tensor, names: Iterable[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Keep of every example what the metrics need: float arrays (n, ...) by name, or those of `names`.

        Rows may be joined, picked and drawn anew before `score_from`. `output` as `judged` keeps it.
        """
        return self.statistics_of(*self.values(output, y), names)

    def statistics_of(
        self, prediction: np.ndarray, truth: np.ndarray, names: Iterable[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Compute `statistics` from `values`."""
        wanted = self.kept if names is None else dict.fromkeys(names)
        return {name: np.asarray(self.kept[name](prediction, truth), np.float64) for name in wanted}

    def score_from(self, statistics: Statistics) -> dict[str, float]:
        """Compute every metric by name, in its own direction, of the examples whose statistics are given."""
        return {name: metric.compute(statistics) for name, metric in self.table.items()}

    def metrics(self, output: Tensor, y: Tensor) -> dict[str, float]:
        """Every metric by name, in its own direction."""
        return self.score_from(self.statistics(output, y))

    def score(self, output: Tensor, y: Tensor) -> float:
        """The headline metric, turned so that higher is better."""
        return self.headline.score(self.headline.compute(self.statistics(output, y, self.headline.needs)))

    def to_dict(self) -> dict[str, Any]:
        """JSON of the task; `task_from_dict` reads it."""
        return {"name": self.name, **asdict(self)}  # pyright: ignore[reportArgumentType]  every task is a dataclass
