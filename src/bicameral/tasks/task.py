"""What a task is: which data ask for it, its network's answer, its loss, its metrics, its decoding."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bicameral.data.dataset import Dataset, Kind
from bicameral.data.preprocessing import Preprocessing, fit_preprocessing
from bicameral.data.split.duplicates import kept_together
from bicameral.errors import ConfigError, DataError
from bicameral.registry import Entry
from bicameral.tasks import options
from bicameral.tasks.errors import Errors, errors_of
from bicameral.tasks.metrics import Metric, Statistic, Statistics
from bicameral.tasks.units import Units


class Task(ABC):
    """A frozen dataclass that says how outputs are judged and read. `output` is what the network gives.

    Registered by `@registry.task`; the class methods turn data into a task, the others answer it.
    """

    name: ClassVar[str]
    Options: ClassVar[type[options.Options]] = options.Options
    per_step: ClassVar[bool] = False  # whether every step of a sequence has an answer of its own
    overlapping: ClassVar[bool] = False  # whether neighbouring examples share values, as windows do
    augmentations: ClassVar[tuple[str, ...] | None] = None  # that leave its answers true; None: every one
    can_mix: ClassVar[bool] = False  # whether outputs of several networks have a mean
    anchors: tuple[int, ...] = ()  # input channels whose last known value outputs are a change from
    needed: int = 1  # frames before there is an answer
    metric: str  # the headline metric

    @classmethod
    @abstractmethod
    def asks(cls, dataset: Dataset) -> bool:
        """Whether this is what data ask, as they were read or cut."""

    @classmethod
    def read_options(cls, dataset: Dataset, given: Mapping[str, Any]) -> options.Options:
        """Check what a user asks of the data, and fill in what depends on them."""
        return options.read_options(cls.Options, dataset.kind, given)

    @classmethod
    def examples(cls, dataset: Dataset, asked: Any) -> Dataset:  # noqa: ARG003
        """What is divided and learned from: examples as they were read, or pieces of them."""
        return kept_together(dataset)

    @classmethod
    def fit_preprocessing(cls, dataset: Dataset, train: np.ndarray, asked: Any) -> Preprocessing:  # noqa: ARG003
        """Fit the preprocessing of the inputs on the training rows alone."""
        return fit_preprocessing(dataset, train)

    @classmethod
    @abstractmethod
    def fitted(cls, dataset: Dataset, train: np.ndarray, preprocessing: Any, asked: Any) -> "Task":
        """The task that the data ask, scaled by the training rows. `asked` is of `read_options`."""

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        """Why a model cannot answer this of data of `kind`; empty where it can."""
        if entry.gives == "next":
            return f"cannot answer anything but the next step of {' or '.join(entry.kinds)} data"
        if entry.source:
            return f"answers once for each example, and the task on this {kind} data is {cls.name}"
        if entry.gives == "answer":
            return f"only tells classes of {' or '.join(entry.kinds)} data apart"
        if entry.gives == "forecast":
            only = "continues clips" if entry.reads == "frames" else "forecasts"
            return f"only {only}, and the task on this {kind} data is {cls.name}"
        return ""

    @classmethod
    def check_model(cls, entry: Entry, kind: Kind) -> None:
        """Raise ConfigError for a model that cannot answer this of data of `kind`."""
        if reason := cls.unfit(entry, kind):
            raise ConfigError(f"{entry.name} {reason}; {cls.instead(kind)}")

    @classmethod
    def instead(cls, kind: Kind) -> str:  # noqa: ARG003
        """What to do without a model that is refused."""
        return "leave it out"

    def reading(self) -> dict[str, Any]:
        """The options by which `read` reads data for the task."""
        return {}

    def to_answer(self, dataset: Dataset) -> Dataset:
        """The examples to answer, cut as in training."""
        return dataset

    def to_judge(self, dataset: Dataset) -> Dataset:
        """The examples with their truth, cut and numbered as in training."""
        if dataset.targets is None:
            raise DataError(f"{dataset.name} has no labels to judge by")
        return dataset

    def model_fields(self, entry: Entry) -> dict[str, Any]:
        """Fields of the model's config that the task fills in."""
        if not entry.answers:
            return {}
        asks = {"question": self.name} if "question" in entry.fields else {}
        return {"num_outputs": math.prod(self.output_shape), **asks}

    def head(self, backbone: Any, entry: Entry, width: int) -> nn.Module:  # noqa: ARG002
        """What turns `width` pooled features into an output (b, prod(output_shape)); learned last."""
        return nn.Linear(width, math.prod(self.output_shape))

    def anchored(self, output: Tensor, last: Tensor) -> Tensor:  # noqa: ARG002
        """The outputs, given that of `anchors` (b k) they are changes from."""
        return output

    def rescaled(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Units | None]:  # noqa: ARG002
        """Inputs as a model reads them, and the units its outputs are in: by default the same for all."""
        return x, None

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

    def class_weights(self, y: Tensor) -> Tensor | None:  # noqa: ARG002
        """Weights of the classes that make them count alike; None where there are none."""
        return None

    def strata(self, y: Tensor) -> Tensor:
        """Numbers (n,) of the kinds of examples that every fold should have in proportion."""
        return torch.zeros(len(y), dtype=torch.int64)

    def ridge_targets(self, y: Tensor) -> Tensor:  # noqa: ARG002
        """What a head solved by least squares should answer (n, *output_shape), in double precision."""
        raise ConfigError(
            f"{self.name} has no ridge_targets, which models that are solved at once need; define it"
        )

    def fit_targets(self, y: Tensor) -> np.ndarray:
        """What a model that answers by itself should answer (n, *output_shape)."""
        return self.ridge_targets(y).numpy()

    def ridge_adjustment(
        self,
        output: Tensor,  # noqa: ARG002
        left_out: Tensor,  # noqa: ARG002
        y: Tensor,  # noqa: ARG002
    ) -> tuple[float, Tensor | float]:
        """Scale of a solved head's outputs, and what is added to them (*output_shape).

        output    answers to examples left out, of `ridge_targets`
        left_out  target minus that answer
        """
        return 1.0, 0.0

    def guess(self, y: Tensor) -> Tensor:  # noqa: ARG002
        """The output (*output_shape) of who knows nothing but the training targets."""
        raise ConfigError(f"{self.name} cannot be probed")

    def mixed(self, outputs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """Average outputs of several networks; weights add up to 1."""
        return weighted_mean(outputs, weights)

    def judged(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """What is kept of outputs to be judged: all, unless a part of the data at once would be too large."""
        return output

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Mean loss of outputs as `judged` keeps them."""
        return self.loss(output, y)

    @abstractmethod
    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and truth, one row an example, as `kept` reads them."""

    def in_units(self, output: Tensor) -> np.ndarray:
        """What is answered, in the units of the data; of classes, probabilities."""
        return self.values(output, output)[0]

    @abstractmethod
    def outcomes(self, statistics: Statistics) -> np.ndarray:
        """One score an example (n,), higher is better."""

    @abstractmethod
    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """One readable answer an example."""

    def answers(self, output: Tensor, preprocessing: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """One readable answer a stream, at the step it has come to (b, *output_shape)."""
        return self.decode(output) if len(output) else []

    def errors(self, output: Tensor, y: Tensor, rows: np.ndarray) -> Errors:
        """Where outputs err; `rows` are the examples' places in the data."""
        return errors_of(self.outcomes(self.statistics(output, y)), rows)

    def rope(self, dataset: Dataset) -> float:  # noqa: ARG002
        """The smallest difference of the headline metric worth caring about."""
        return self.headline.rope

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


def weighted_mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Sum of values, each times its weight."""
    return torch.stack([weight * value for weight, value in zip(weights, values, strict=True)]).sum(0)
