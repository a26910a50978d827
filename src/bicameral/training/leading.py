"""Who leads a race: by the validation part, and by more than its noise where that is asked for."""

import math

import numpy as np
from torch import Tensor

from bicameral.tasks import Task

Merit = tuple[float, float]  # headline score, then minus the loss; higher is better
BLOCKS = 20  # runs of neighbouring windows, whose errors resemble each other


def merit(task: Task, output: Tensor, y: Tensor) -> Merit:
    """Score outputs, kept as the task keeps them; what is no number comes last."""
    found = task.score(output, y), -task.held_out_loss(output, y).item()
    return tuple(value if math.isfinite(value) else -math.inf for value in found)  # pyright: ignore


def is_clearly_ahead(task: Task, output: Tensor, other: Tensor, y: Tensor, errors: float = 1.0) -> bool:
    """Whether outputs are better than others by more than so many standard errors of their difference.

    By what each example got; where the headline is of no single example (AUROC), it has to be better too.
    """
    if not merit(task, output, y) > merit(task, other, y):
        return False
    gain = task.outcomes(task.statistics(output, y)) - task.outcomes(task.statistics(other, y))
    gain = _by_block(gain) if task.overlapping else gain
    if len(gain) < 2:
        return True
    return bool(np.nanmean(gain) > errors * np.nanstd(gain, ddof=1) / math.sqrt(len(gain)))


def _by_block(gain: np.ndarray) -> np.ndarray:
    """Average over runs of windows in the order of time."""
    return np.array([np.nanmean(part) for part in np.array_split(gain, min(BLOCKS, len(gain)))])
