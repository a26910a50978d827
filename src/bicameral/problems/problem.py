"""The data of a study: windowed where it is to be forecast, its test part sealed, the rest in folds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from bicameral.data.batches.cache import cached
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.data.split.folds import fold, most_folds
from bicameral.data.split.splits import seal, split
from bicameral.errors import ConfigError
from bicameral.problems.options import asked_of
from bicameral.problems.units import units
from bicameral.tasks import Task

FOLDS = 4  # of what is not sealed: one is judged; of the others a fifth is for inner validation


@dataclass(frozen=True, eq=False)
class Draw:
    """One split, prepared by a preprocessing that saw its training part alone."""

    task: Task
    preprocessing: Any
    train: Prepared
    val: Prepared  # early stopping and tuning look here
    judged: Prepared  # what a replicate is scored on


class Problem:
    """A data set with its question."""

    def __init__(
        self,
        dataset: Dataset,
        *,
        task_options: Mapping[str, Any] | None = None,
        seed: int = 0,
        test_fraction: float = 0.2,
        folds: int = FOLDS,  # fewer where the data have fewer groups, or too little time
        most: int | None = None,  # of the unsealed rows, drawn at random; None: all of them
        missing: Any = None,  # the number that was read as "no value", which the artifact is to remember
    ):
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise ConfigError(f"seed is {seed!r}; expected a whole number of at least 0")
        self.recreate = {
            "task_options": task_options,
            "seed": seed,
            "test_fraction": test_fraction,
            "folds": folds,
            "most": most,
            "missing": missing,
        }
        self.origin = {"data": dataset.name} | ({} if missing is None else {"missing": missing})
        self.task, self.options = asked_of(dataset, task_options)
        self.raw, self.seed = dataset if dataset.kind == "text" else cached(dataset), seed
        self.test_fraction = test_fraction
        self.dataset = self.task.examples(self.raw, self.options)
        rest, self.test = seal(self.dataset, seed=seed, test_fraction=test_fraction)
        self.rest = _some(rest, most, seed)
        self.folds = most_folds(self.dataset, self.rest, folds)
        self.draw, self.final_draw = lru_cache(maxsize=2)(self._draw), lru_cache(maxsize=1)(self._final_draw)

    def _draw(self, replicate: int) -> Draw:
        """Draw one fold of a repeated partition of the unsealed rows; every family gets the same draw.

        A repetition, `folds` replicates, judges every example once.
        """
        repetition, number = divmod(replicate, self.folds)
        seed = _seed(self.seed, repetition)
        return self.prepare(*fold(self.dataset, self.rest, number=number, folds=self.folds, seed=seed))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Problem, **self.recreate), (self.raw,)

    @cached_property
    def units(self) -> np.ndarray:
        """Number of the group, block of time or single example that each example is of (n,)."""
        return units(self.dataset)

    def parts(self) -> np.ndarray | None:
        """The part of each example in the first draw, for the audit; None for what is cut into pieces."""
        return None if self.is_cut else self.named(self.draw(0).train.index.numpy(), self.test)

    @property
    def is_cut(self) -> bool:
        """Whether the examples are pieces of what was read."""
        return self.raw.targets is None or is_continued(self.raw)

    def named(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The part of each example by name, "val" where it is neither of the two."""
        names = np.full(len(self.dataset), "val", dtype="<U5")
        names[train], names[test] = "train", "test"
        return names

    def _final_draw(self) -> Draw:
        """The draw that opens the test part: trained on the rest but for an inner validation part."""
        rest = 1 - self.test_fraction
        fractions = (0.85 * rest, 0.15 * rest, self.test_fraction)
        parts = split(self.dataset, seed=self.seed, fractions=fractions)
        assert np.array_equal(parts.test, self.test), "the sealed part is the same for ever"
        return self.prepare(parts.train, parts.val, parts.test)

    def prepare(self, train: np.ndarray, val: np.ndarray, judged: np.ndarray) -> Draw:
        """Fit the preprocessing and the task on the training rows alone, and prepare the three parts."""
        preprocessing = self.task.fit_preprocessing(self.dataset, train, self.options)
        parts = [Prepared(self.dataset, preprocessing, rows) for rows in (train, val, judged)]
        return Draw(self.task.fitted(self.dataset, train, preprocessing, self.options), preprocessing, *parts)


def _some(rows: np.ndarray, most: int | None, seed: int) -> np.ndarray:
    if most is None or len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def _seed(seed: int, replicate: int) -> int:
    return int(np.random.SeedSequence([seed, replicate + 1]).generate_state(1)[0])
