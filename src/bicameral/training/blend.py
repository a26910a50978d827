"""Which finished runs answer best together: greedy selection with replacement on the validation part.

Caruana, Niculescu-Mizil, Crew and Ksikes 2004, "Ensemble selection from libraries of models", doi
10.1145/1015330.1015432. Differs: the gain is measured on halves of the part that did not choose the weights,
and has to be more than its noise.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bicameral.tasks import Task
from bicameral.training.leading import is_clearly_ahead

ROUNDS = 12  # members drawn, each as often as it helps
FEWEST = 40  # validation examples below which weights are noise


def blended(task: Task, outputs: Sequence[Tensor], best: int, y: Tensor) -> list[float] | None:
    """Return a weight for each run where together they are clearly better than the best alone, else None.

    best  number of the run to be beaten
    """
    if len(y) < FEWEST or len(outputs) < 2:
        return None
    halves = np.arange(len(y)) % 2 if not _in_time(task) else np.arange(len(y)) * 2 // len(y)
    crossed = torch.empty_like(outputs[best])
    for half in (0, 1):
        chooses, judged = torch.from_numpy(halves == half), torch.from_numpy(halves != half)
        weights = _weights(task, [output[chooses] for output in outputs], y[chooses])
        crossed[judged] = _mixed(task, [output[judged] for output in outputs], weights)
    if not is_clearly_ahead(task, crossed, outputs[best], y):
        return None
    weights = _weights(task, outputs, y)
    return weights if np.count_nonzero(weights) > 1 else None


def _in_time(task: Task) -> bool:
    return task.name == "forecast"


def _weights(task: Task, outputs: Sequence[Tensor], y: Tensor) -> list[float]:
    """Add, time after time, the run that lowers the loss of the mean most."""
    counts = np.zeros(len(outputs))
    for _ in range(ROUNDS):
        losses = []
        for number in range(len(outputs)):
            tried = counts + np.eye(len(outputs))[number]
            losses.append(task.loss(_mixed(task, outputs, (tried / tried.sum()).tolist()), y).item())
        counts[int(np.argmin(losses))] += 1
    return (counts / counts.sum()).tolist()


def _mixed(task: Task, outputs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    used = [number for number, weight in enumerate(weights) if weight > 0]
    return task.mixed([outputs[number] for number in used], [weights[number] for number in used])
