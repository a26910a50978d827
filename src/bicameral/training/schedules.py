"""Learning rate as a function of progress in [0, 1], so that it fits budgets in seconds, steps and epochs."""

import math
from collections.abc import Callable, Mapping

Schedule = Callable[[float], float]


def constant(_progress: float) -> float:
    """Stay at the full rate."""
    return 1.0


def cosine(progress: float) -> float:
    """Fall along half a cosine to zero (Loshchilov and Hutter, arXiv:1608.03983, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def linear(progress: float) -> float:
    """Fall along a straight line to zero."""
    return 1 - progress


def step(progress: float) -> float:
    """Divide by ten at one half and again at three quarters, as for the first residual networks."""
    return 0.1 ** ((progress >= 0.5) + (progress >= 0.75))


def one_cycle(progress: float) -> float:
    """Rise from 1/25 over the first 30 %, then fall to zero (Smith, arXiv:1708.07120)."""
    if progress < 0.3:
        return 1 - (1 - 1 / 25) * cosine(progress / 0.3)
    return cosine((progress - 0.3) / 0.7)


_SHAPES: Mapping[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "step": step,
    "one-cycle": one_cycle,
}


def schedule(name: str, warmup: float) -> Schedule:
    """Return the factor of the learning rate: a straight rise over `warmup`, then the shape `name`."""
    shape = _SHAPES[name]
    if warmup == 0 or name == "one-cycle":
        return shape

    def warmed(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        return shape((progress - warmup) / (1 - warmup))

    return warmed
