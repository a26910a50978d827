"""The same quasi-random design for every family, weak settings stopped early inside the family only."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc

from bicameral.registry import Entry

LEARNING_RATE = (3e-4, 2e-2)  # log-uniform
WEIGHT_DECAY = (1e-4, 1e-1)  # log-uniform
FIRST = {"learning_rate": 2e-3, "weight_decay": 1e-2}  # always tried, so that no family lacks a sane setting
RUNGS = (0.25, 0.5)  # lengths of the rounds, as parts of a full trial; half the settings survive a round


def settings(entry: Entry, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` settings of recipe and size: one sane, the rest by a scrambled Sobol sequence."""
    points = _sobol(count - 1, seed)
    sizes = list(entry.sizes)
    drawn = [
        {
            "size": sizes[min(int(point[2] * len(sizes)), len(sizes) - 1)],
            "recipe": {
                "learning_rate": _log_uniform(point[0], LEARNING_RATE),
                "weight_decay": _log_uniform(point[1], WEIGHT_DECAY),
            },
        }
        for point in points
    ]
    return [{"size": sizes[len(sizes) // 2], "recipe": dict(FIRST)}, *drawn]


def cost(count: int) -> float:
    """Length of all tuning of one family, in full trials."""
    return sum(part * alive for part, alive in zip(RUNGS, survivors(count), strict=True))


def survivors(count: int) -> Iterator[int]:
    """How many settings run in each round."""
    for _ in RUNGS:
        yield count
        count = max(1, (count + 1) // 2)


def best_first(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Trials by validation score, failed ones last, ties by their order."""
    return sorted(
        records, key=lambda record: -np.inf if record["score"] is None else record["score"], reverse=True
    )


def _sobol(count: int, seed: int) -> np.ndarray:
    power = int(np.ceil(np.log2(max(count, 1))))
    return qmc.Sobol(d=3, scramble=True, rng=seed).random_base2(power)[:count]


def _log_uniform(unit: float, bounds: tuple[float, float]) -> float:
    low, high = np.log(bounds)
    return float(f"{np.exp(low + unit * (high - low)):.3g}")
