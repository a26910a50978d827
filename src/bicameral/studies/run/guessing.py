"""What an answer without looking scores on the same examples, and whether a network beats it."""

from functools import lru_cache

import numpy as np
import torch

from bicameral import registry
from bicameral.problems.problem import Draw
from bicameral.studies.record.outcomes import Outcomes
from bicameral.tasks import Task
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training.closed_form import solve

GUESSES = {"next_token": "frequencies", "next_notes": "frequencies", "next_frames": "mean_frame"}
OTHERWISE = "majority"  # or the mean


def guess_for(task: Task) -> str:
    """Name the model that answers a task without looking."""
    return GUESSES.get(task.name, OTHERWISE)


def above_guessing(outcomes: Outcomes, draw: Draw, part: str) -> float | None:
    """By how many standard errors the examples got more than by guessing; None where that cannot be said.

    Examples of one group or block count as one observation.

    part  of the draw: "val" or "judged"
    """
    gained = outcomes.per_example() - _guessed(draw, part)
    members = np.unique(outcomes.units, return_inverse=True)[1]
    sizes, mean = np.bincount(members), float(gained.mean())
    excess = np.bincount(members, weights=gained) - mean * sizes
    if len(sizes) < 2 or not np.isfinite(gained).all():
        return None
    error = np.sqrt(len(sizes) / (len(sizes) - 1) * float(excess @ excess)) / len(gained)
    return float(mean / error) if error else None if mean else 0.0


@lru_cache(maxsize=4)
def _guessed(draw: Draw, part: str) -> np.ndarray:
    """One score an example (n,)."""
    network = _fitted(draw)
    output, y = answer(network, getattr(draw, part))
    assert y is not None
    return draw.task.outcomes(draw.task.statistics(output, y))


@lru_cache(maxsize=2)
def _fitted(draw: Draw) -> Network:
    with torch.random.fork_rng(devices=[]):
        network = Network(draw.preprocessing.layout, draw.task, guess_for(draw.task), {})
    if registry.entry(network.entry.name).closed_form:
        solve(network, draw.task, draw.train)
    return network
