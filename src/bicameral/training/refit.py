"""Nothing wasted: who was chosen learns from the rows that chose it, too."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.tasks import Task
from bicameral.training.affordable import GROWTH
from bicameral.training.budgets import Budget
from bicameral.training.learn import learn
from bicameral.training.prepare import Ready
from bicameral.training.race import RESERVE, Race
from bicameral.training.runs import Run

SLACK = 1.2  # times what a refit should take, that has to be left


@dataclass(frozen=True)
class Rows:
    """What may be learned from when the choice is made."""

    rest: Callable[[], Prepared]  # all but the test part
    everything: Callable[[], Prepared]  # and the test part, once it is judged


def is_of_series(task: Task, dataset: Dataset) -> bool:
    """Whether the examples are windows of series, whose end says most about what follows it."""
    return task.overlapping and dataset.kind == "series"


def rows_of(found: Ready) -> Rows:
    """All examples outside the test part; of a series every window that ends before it."""
    draw, dataset = found.draw, found.problem.dataset
    if not is_of_series(draw.task, dataset):
        rest = draw.train.joined(draw.val)
        return Rows(lambda: rest, lambda: rest)
    begin, end = dataset.properties["begin"], dataset.properties["end"]
    before = np.flatnonzero(end < begin[found.parts.test].min())
    known = np.union1d(np.union1d(found.parts.train, found.parts.val), before)
    return Rows(
        lambda: Prepared(dataset, draw.preprocessing, known),
        lambda: Prepared(dataset, draw.preprocessing, np.arange(len(dataset))),
    )


def refitted(race: Race, run: Run, examples: Prepared) -> Any | None:
    """The run's network, fitted to `examples`; None where there is no time."""
    ratio = len(examples) / len(race.draw.train)
    if not _affordable(race, run, ratio):
        return None
    network = race.build(run.contestant)
    if run.solved:
        budget, recipe = race.budget, run.recipe
    else:
        steps = run.history.best_step or run.history.steps
        budget, recipe = Budget(steps=max(1, round(steps * ratio))), replace(run.recipe, patience=None)
    learn(network, race.task, examples, None, recipe=recipe, budget=budget, seed=race.seed)
    return network


def _affordable(race: Race, run: Run, ratio: float) -> bool:
    if run.solved:
        allowed = max(race.left(), RESERVE * (race.budget.seconds or math.inf))
        return run.network.entry.closed_form and not run.note and run.seconds * ratio**GROWTH < allowed
    if race.budget.seconds is None:
        return race.budget.epochs is not None  # of steps there are as many as were asked for
    return race.left() > SLACK * run.history.seconds * ratio
