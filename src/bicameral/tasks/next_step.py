"""What tasks share that ask at every step what comes next: segments, causal models, generation."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, TypedDict

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.utils.rnn import pad_sequence

from bicameral import registry
from bicameral.data.dataset import Dataset, Kind
from bicameral.data.examples.segments import Unit, continued, is_continued, segments
from bicameral.data.preprocessing import Preprocessing
from bicameral.data.preprocessing.continued import fit_continued
from bicameral.data.split.duplicates import kept_together
from bicameral.registry import Entry
from bicameral.tasks import metrics
from bicameral.tasks.task import Task

CONTEXT: dict[str, int] = {
    "characters": 256,
    "words": 64,
}  # steps of a segment, unless the user says otherwise


class Cut(TypedDict):
    """Steps of a segment, and what a step is."""

    context: int
    unit: Unit


class NextStep(Task):
    """A task with an answer at every step of a sequence; outputs (b, t, *output_shape)."""

    per_step: ClassVar[bool] = True
    writes: ClassVar[bool] = False  # whether what it generates can be read as text
    counted: ClassVar[str]  # the statistic that counts the steps of a row
    context: int  # steps of a training segment
    unit: Unit = "characters"

    @classmethod
    def examples(cls, dataset: Dataset, asked: Any) -> Dataset:
        return segments(kept_together(dataset), **cut_of(asked))

    @classmethod
    def fit_preprocessing(cls, dataset: Dataset, train: np.ndarray, asked: Any) -> Preprocessing:
        return fit_continued(dataset, train, **cut_of(asked))

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        if entry.gives == "next":
            return "" if kind in entry.kinds else f"cannot answer the next step of {kind} data"
        if entry.reads == "frames":
            return f"is for clips, and this is {kind} data"
        return "" if entry.causal else "is not causal: asked for the next step it would see it"

    @classmethod
    def instead(cls, kind: Kind) -> str:  # noqa: ARG003
        able = [entry.name for entry in registry.entries() if entry.causal and entry.gives == "steps"]
        return f"choose from {', '.join(able)}"

    def model_fields(self, entry: Entry) -> dict[str, Any]:
        """Look no further than a segment of training: positions further apart were never learned."""
        given = entry.configure({})
        windows = {name: min(getattr(given, name), self.context) for name in entry.bounded}
        return super().model_fields(entry) | windows

    def reading(self) -> dict[str, Any]:
        return {"answer": "next"}

    def to_answer(self, dataset: Dataset) -> Dataset:
        """Segments as in training; what was cut into them already passes through."""
        asked = dataset if is_continued(dataset) else continued(dataset)
        if asked.targets.end.any():
            return asked
        whole = replace(asked, groups=np.arange(len(asked)))
        return segments(whole, context=self.context, unit=self.unit)

    def to_judge(self, dataset: Dataset) -> Dataset:
        return self.to_answer(dataset)

    @abstractmethod
    def draw(self, output: Tensor, temperature: float, generator: Generator) -> Tensor:
        """Draw one step from an output (*output_shape) in double precision; temperature 0: the likeliest."""

    @abstractmethod
    def step_losses(self, output: Tensor) -> Tensor:
        """The loss of every step (n, t) of outputs as `judged` keeps them, NaN where nothing was asked."""

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        return self.step_losses(output).nanmean()

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """What `judged` kept of every step (n, t, ...), and the truth (n, t ...)."""
        return output.double().numpy(), y.numpy()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Minus the mean loss of each row's steps."""
        return -statistics[next(iter(self.kept))] / statistics[self.counted]

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """How well each row was predicted: every metric, and how many steps were asked."""
        kept = self.statistics(output, output)
        rows = ({name: values[[row]] for name, values in kept.items()} for row in range(len(output)))
        return [self.score_from(row) | {self.counted: int(row[self.counted][0])} for row in rows]


def by_sequence(dataset: Dataset, output: Tensor) -> tuple[list[str], Tensor]:
    """The names of the sequences that segments were cut from, and their steps in one row each."""
    numbers = dataset.targets.sequence
    rows = [output[numbers == number].flatten(0, 1) for number in np.unique(numbers)]
    names = [str(dataset.ids[row]).rpartition(":")[0] for row in np.unique(numbers, return_index=True)[1]]
    return names, pad_sequence(rows, batch_first=True, padding_value=torch.nan)


def cut_of(asked: Any) -> Cut:
    """How a text or a piece is cut into segments."""
    unit: Unit = asked.given.get("unit", "characters")
    return {"context": asked.context or CONTEXT[unit], "unit": unit}
