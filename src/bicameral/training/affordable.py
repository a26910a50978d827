"""How many examples can be solved in a share of the budget."""

import copy
import time

import numpy as np

from bicameral.data.batches.prepared import Prepared
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training.budgets import Budget
from bicameral.training.learn import learn
from bicameral.training.recipe import Recipe

REHEARSED = 500  # examples that tell what solving takes on all
GROWTH = 1.5  # seconds of solving grow with the examples to this power, for want of a better guess
ANSWERED = 128  # examples that tell what answering takes on all


def affordable(
    network: Network, train: Prepared, budget: Budget, left: float, seed: int, until: float = 0.5
) -> Prepared | None:
    """Return the training part, or as many of its examples as can be solved in time; None for too few.

    left   seconds of the budget
    until  share of the budget after which nothing more is solved
    """
    if budget.seconds is None or not network.entry.closed_form:
        return train
    allowed = left - (1 - until) * budget.seconds
    if allowed < 0:
        return None
    if len(train) <= 2 * REHEARSED or network.entry.fitted == "count":  # counting is one pass
        return train
    seconds = _rehearsed(network, train, budget, seed)
    count = min(len(train), int(REHEARSED * (allowed / seconds) ** (1 / GROWTH)))
    if count == len(train):
        return train
    return None if count < REHEARSED else _some(train, count)


def is_slow(network: Network, val: Prepared, budget: Budget, left: float, until: float = 0.5) -> bool:
    """Whether answering the validation part would take more than the solved models may have."""
    if budget.seconds is None or network.task.per_step or len(val) <= ANSWERED:
        return False
    before = time.perf_counter()
    answer(network, _some(val, ANSWERED))
    seconds = (time.perf_counter() - before) * len(val) / ANSWERED
    return seconds > max(0.0, left - (1 - until) * budget.seconds)


def _rehearsed(network: Network, train: Prepared, budget: Budget, seed: int) -> float:
    """Seconds that solving a copy takes on some of the examples."""
    some, before = _some(train, REHEARSED), time.perf_counter()
    learn(copy.deepcopy(network), network.task, some, None, recipe=Recipe(), budget=budget, seed=seed)
    return max(time.perf_counter() - before, 1e-3)


def _some(train: Prepared, count: int) -> Prepared:
    return train.subset(np.linspace(0, len(train) - 1, count).round().astype(np.int64))
