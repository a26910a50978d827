"""What tasks over classes share: labels numbered as in training, models that answer with classes."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from bicameral.data.dataset import Dataset, Kind
from bicameral.data.preprocessing import Preprocessing, fit_preprocessing
from bicameral.errors import DataError, nearest
from bicameral.registry import Entry
from bicameral.tasks import options
from bicameral.tasks.task import Task

SCALES: tuple[float, ...] = tuple(np.logspace(-1, 2, 61).tolist())  # of logits


@dataclass(frozen=True, kw_only=True)
class ExampleOptions(options.Options):
    """What is asked of whole examples."""

    unit: str | None = options.option(options.UNIT, kinds=("text",))
    max_length: int | None = options.option(options.TOKENS, kinds=("text",))


class Examples(Task):
    """A task with one answer an example, as it was read."""

    Options: ClassVar = ExampleOptions
    can_mix: ClassVar[bool] = True

    @classmethod
    def fit_preprocessing(cls, dataset: Dataset, train: np.ndarray, asked: ExampleOptions) -> Preprocessing:
        """Fit on the training rows; of texts, in the unit that was asked for."""
        given = {"tokens": asked.unit, "max_length": asked.max_length}
        return fit_preprocessing(dataset, train, **{name: value for name, value in given.items() if value})


class Labelled(Examples):
    """A task whose answers are classes."""

    classes: tuple[str, ...]

    @classmethod
    def fitted(cls, dataset: Dataset, train: np.ndarray, preprocessing: Any, asked: Any) -> "Task":  # noqa: ARG003
        metric = {"metric": asked.metric} if asked.metric else {}
        return cls(classes=dataset.classes, **metric)  # pyright: ignore[reportCallIssue]  a dataclass with classes

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        return "" if entry.gives == "answer" and kind in entry.kinds else super().unfit(entry, kind)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    def to_judge(self, dataset: Dataset) -> Dataset:
        """The examples, classes numbered as the task numbers them."""
        dataset = super().to_judge(dataset)
        if not dataset.classes:
            raise DataError(
                f"{dataset.name} is labelled with numbers, the task is {self.name}: pass answer=classify"
            )
        for name in dataset.classes:
            if name not in self.classes:
                raise DataError(
                    f"{dataset.name} has a class {name!r} that was not trained{nearest(name, self.classes)}"
                )
        place = np.array([self.classes.index(name) for name in dataset.classes])
        return replace(dataset, targets=self.renumbered(dataset.targets, place), classes=self.classes)

    @abstractmethod
    def renumbered(self, targets: np.ndarray, place: np.ndarray) -> np.ndarray:
        """The targets, where class k of the data is class place[k] of the task."""

    def fit_targets(self, y: Tensor) -> np.ndarray:
        """Which classes each example has (n, classes)."""
        return (self.ridge_targets(y) > 0).numpy()

    def ridge_adjustment(
        self,
        output: Tensor,
        left_out: Tensor,  # noqa: ARG002
        y: Tensor,
    ) -> tuple[float, Tensor | float]:
        """Take the likeliest scale of logits that were fitted to -1 and 1, one class against the rest."""
        return min(SCALES, key=lambda scale: self.loss(scale * output, y).item()), 0.0
