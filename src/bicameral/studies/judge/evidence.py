"""What a study knows of its models: of two, how far apart they are and how sure that is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bicameral.errors import StudyError
from bicameral.inference.cells import BUCKETS, MOST_UNITS, Cells, columns, pseudo_sums, summed
from bicameral.inference.crossed import UNKNOWN, Estimate, estimate
from bicameral.studies.record.outcomes import Outcomes

SAME = 1e-6  # of a score: the mean over examples is it


class Evidence(ABC):
    """Estimates of single models and of pairs; higher is better."""

    names: Sequence[str]

    @abstractmethod
    def level(self, name: str) -> Estimate:
        """How well a model answers."""

    @abstractmethod
    def difference(self, a: str, b: str) -> Estimate:
        """By how much a is better than b."""

    @abstractmethod
    def weight_of_one(self, a: str, b: str) -> float:
        """How far one judged example can move the difference; 0 where that is not known."""

    @abstractmethod
    def num_fits(self, a: str, b: str) -> int:
        """How many fits the two have in common."""


@dataclass(frozen=True)
class Scores(Evidence):
    """The old rule, for studies that kept one score a replicate: the corrected t.

    Replicates that redraw the split share training examples, so the variance of their mean is not s² / n but
    s² (1 / n + judged over training examples) (Nadeau & Bengio 2003); as a posterior: Benavoli and
    others 2017, section 3.
    """

    scores: Mapping[str, np.ndarray]
    test_to_train: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", list(self.scores))

    def level(self, name: str) -> Estimate:
        return self._student(self.scores[name])

    def difference(self, a: str, b: str) -> Estimate:
        num = self.num_fits(a, b)
        return self._student(self.scores[a][:num] - self.scores[b][:num])

    def weight_of_one(self, a: str, b: str) -> float:  # noqa: ARG002  not known
        return 0.0

    def num_fits(self, a: str, b: str) -> int:
        return min(len(self.scores[a]), len(self.scores[b]))

    def _student(self, sample: np.ndarray) -> Estimate:
        num = len(sample)
        if num < 2:
            return Estimate(float(sample.mean()), np.inf, 1.0)
        # A constant sample keeps a rounding residue of about one ulp, which would make a t value of 1e15.
        spread = sample.std(ddof=1) if np.ptp(sample) > 0 else 0.0
        scale = float(spread * np.sqrt(1 / num + self.test_to_train))
        return Estimate(float(sample.mean()), scale, num - 1.0, 1 / (1 + self.test_to_train * num))


class Answers(Evidence):
    """The rule of today: what each example got, examples and fits crossed.

    outcomes  of each model by the number of the fit; None for a fit that crashed, which counts as the worst
              score that anybody got
    """

    def __init__(self, outcomes: Mapping[str, Mapping[int, Outcomes | None]]):
        self.outcomes = outcomes
        self.names = list(outcomes)
        self.fits = self._fits()
        scores = [found.score() for fits in outcomes.values() for found in fits.values() if found]
        self.worst = min(scores)

    def level(self, name: str) -> Estimate:
        return estimate(self._cells(name, sorted(self.outcomes[name].keys() & self.fits.keys())))

    def difference(self, a: str, b: str) -> Estimate:
        return estimate(self._between(a, b)) if self._common(a, b) else UNKNOWN

    def weight_of_one(self, a: str, b: str) -> float:
        return self._between(a, b).weight_of_one

    def num_fits(self, a: str, b: str) -> int:
        return len(self._common(a, b))

    def _between(self, a: str, b: str) -> Cells:
        common = self._common(a, b)
        return self._cells(a, common) - self._cells(b, common)

    def _common(self, a: str, b: str) -> list[int]:
        return sorted(self.outcomes[a].keys() & self.outcomes[b].keys() & self.fits.keys())

    def _fits(self) -> dict[int, Outcomes]:
        """For each fit one set of outcomes that says which examples were judged: the same for every model."""
        found: dict[int, Outcomes] = {}
        for fits in self.outcomes.values():
            for number, one in fits.items():
                if one is not None and not np.array_equal(found.setdefault(number, one).rows, one.rows):
                    raise StudyError(f"the models of fit {number} were judged on different examples")
        if not found:
            raise StudyError("every replicate crashed, so there is nothing to judge; the ledger says why")
        return dict(sorted(found.items()))

    @property
    def _task(self):
        return next(iter(self.fits.values())).task

    @cached_property
    def is_mean(self) -> bool:
        """Whether the score is the mean of one number an example."""
        return all(
            abs(one.per_example().mean() - one.score()) <= SAME * max(1.0, abs(one.score()))
            for fits in self.outcomes.values()
            for one in fits.values()
            if one is not None
        )

    @cached_property
    def _columns(self) -> dict[int, np.ndarray]:
        numbered = columns([one.units for one in self.fits.values()], MOST_UNITS if self.is_mean else BUCKETS)
        return dict(zip(self.fits, numbered, strict=True))

    @cached_property
    def _width(self) -> int:
        return int(max(column.max() for column in self._columns.values())) + 1

    @cached_property
    def _sums(self) -> dict[tuple[str, int], np.ndarray]:
        return {
            (name, number): self._of_fit(number, one)
            for name, fits in self.outcomes.items()
            for number, one in fits.items()
            if number in self.fits
        }

    def _of_fit(self, number: int, one: Outcomes | None) -> np.ndarray:
        column = self._columns[number]
        if one is None:
            return self.worst * summed(column, self._width)
        if self.is_mean:
            return summed(column, self._width, one.per_example())
        return pseudo_sums(column, self._width, lambda places: one.take(places).score())

    def _cells(self, name: str, fits: Sequence[int]) -> Cells:
        weights = np.array([summed(self._columns[number], self._width) for number in fits])
        sums = np.array([self._sums[name, number] for number in fits])
        num_examples = len(np.unique(np.concatenate([self.fits[number].rows for number in fits])))
        return Cells(sums, weights, num_examples, self._reach)

    @cached_property
    def _reach(self) -> float:
        return 1.0 if self._task.headline.percent else self._seen_reach()

    def _seen_reach(self) -> float:
        """The usual departure of one example's score from the mean, for a metric without bounds."""
        held = [
            (one.sum() / weights.sum(), one[weights > 0] / np.sqrt(weights[weights > 0]), weights)
            for (_, number), one in self._sums.items()
            if (weights := summed(self._columns[number], self._width)).any()
        ]
        squares = [
            np.square(part - mean * np.sqrt(weights[weights > 0])).mean() for mean, part, weights in held
        ]
        return float(np.sqrt(max(squares)))
