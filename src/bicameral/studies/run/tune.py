"""The same quasi-random design for every family, drawn anew in every replicate; weak settings stop early."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import qmc

from bicameral.registry import Entry

LEARNING_RATE = (3e-4, 2e-2)  # log-uniform
WEIGHT_DECAY = (1e-4, 1e-1)  # log-uniform
FIRST = {"learning_rate": 2e-3, "weight_decay": 1e-2}  # always tried, so that no family lacks a sane setting
RUNGS = (0.2, 0.4)  # lengths of the rounds, as parts of a full trial; a third of the settings survives one
SURE = 2.0  # standard errors by which the best setting must beat guessing, for a rung to decide anything


@dataclass(frozen=True)
class Setting:
    """One way to train a model."""

    number: int  # in the design; 0 is the sane one
    size: str
    recipe: Mapping[str, Any]


def settings(entry: Entry, count: int, seed: Sequence[int]) -> list[Setting]:
    """Draw `count` settings of recipe and size: one sane, the rest by a scrambled Sobol sequence."""
    points, sizes = _sobol(count - 1, seed), list(entry.sizes)
    drawn = [
        Setting(
            number,
            sizes[min(int(point[2] * len(sizes)), len(sizes) - 1)],
            {
                "learning_rate": _log_uniform(point[0], LEARNING_RATE),
                "weight_decay": _log_uniform(point[1], WEIGHT_DECAY),
            },
        )
        for number, point in enumerate(points, start=1)
    ]
    return [Setting(0, sizes[len(sizes) // 2], dict(FIRST)), *drawn]


def rungs(count: int) -> Iterator[tuple[float, int]]:
    """Yield the length of each round and how many settings run in it; none where one is left."""
    for part in RUNGS:
        if count < 2:
            return
        yield part, count
        count = max(1, count // 3)


def cost(count: int) -> float:
    """Length of the tuning of one replicate, in full trials."""
    return sum(part * alive for part, alive in rungs(count))


def num_tried(count: int) -> int:
    """How many trials the tuning of one replicate has."""
    return sum(alive for _, alive in rungs(count))


def survivors(tried: Sequence[tuple[Setting, Mapping[str, Any]]], sane: Setting) -> list[Setting]:
    """Return the better third by validation score; the sane setting alone where nothing beats guessing.

    tried  settings with the records of their trials, failed ones last, ties in their order
    """
    ranked = sorted(
        tried, key=lambda one: -np.inf if one[1]["score"] is None else one[1]["score"], reverse=True
    )
    best = ranked[0][1]
    if best["score"] is None or (best["above_guessing"] is not None and best["above_guessing"] <= SURE):
        return [sane]
    return [setting for setting, _ in ranked[: max(1, len(ranked) // 3)]]


def _sobol(count: int, seed: Sequence[int]) -> np.ndarray:
    power = int(np.ceil(np.log2(max(count, 1))))
    return qmc.Sobol(d=3, scramble=True, rng=np.random.default_rng(seed)).random_base2(power)[:count]


def _log_uniform(unit: float, bounds: tuple[float, float]) -> float:
    low, high = np.log(bounds)
    return float(f"{np.exp(low + unit * (high - low)):.3g}")
