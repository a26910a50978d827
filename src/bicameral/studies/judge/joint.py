"""All models at once: who is the best, what a choice gives up, and how many claims are made together.

The means of several models are drawn with normal dependence between them and, of each pair, the posterior of
its difference. From the variances D of the differences follow the covariances -J D J / 2, where J takes
off the mean.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from bicameral.inference.crossed import Estimate

DRAWS = 20_000
Pairs = Mapping[tuple[str, str], Estimate]  # of a minus b, both ways round


def both_ways(pairs: Mapping[tuple[str, str], Estimate]) -> dict[tuple[str, str], Estimate]:
    """Add to each pair its reverse."""
    return {**pairs, **{(b, a): one.reversed() for (a, b), one in pairs.items()}}


def chances_of_best(names: Sequence[str], pairs: Pairs, leader: str) -> dict[str, float]:
    """Return for each model the probability that no other is better."""
    if len(names) == 1:
        return {leader: 1.0}
    ahead = _ahead_of(leader, names, pairs)
    best = np.argmax(ahead, axis=1)
    counted = np.bincount(best, minlength=len(names)) / len(best)
    return dict(zip(names, counted.tolist(), strict=True))


def regret(choice: str, names: Sequence[str], pairs: Pairs, level: float = 0.95) -> float:
    """Return what `choice` gives up at most against the best of all, with probability `level`."""
    if len(names) == 1:
        return 0.0
    return float(np.quantile(_ahead_of(choice, names, pairs).max(axis=1), level))


def family_wise(names: Sequence[str], pairs: Pairs) -> dict[tuple[str, str], float]:
    """Return p values of no difference, adjusted for all pairs that are looked at (max-t).

    The largest of many normal scores, as dependent as these differences are, decides (Westfall & Young 1993).
    """
    keys = list(combinations(names, 2))
    if not keys:
        return {}
    drawn = _normal(names, pairs)
    place = {name: index for index, name in enumerate(names)}
    differences = np.stack([drawn[:, place[a]] - drawn[:, place[b]] for a, b in keys], axis=1)
    spread = np.maximum(differences.std(axis=0), 1e-300)
    largest = np.sort(np.abs(differences / spread).max(axis=1))
    return {key: _exceeded(pairs[key].p_value(), largest) for key in keys}


def _exceeded(p: float, largest: np.ndarray) -> float:
    """Share of draws whose largest score is above that of `p`, never below `p` itself."""
    score = stats.norm.isf(p / 2)
    return float(max(p, 1 - np.searchsorted(largest, score) / len(largest)))


def _ahead_of(reference: str, names: Sequence[str], pairs: Pairs) -> np.ndarray:
    """Draw how far each model is ahead of the reference (draws, models); of itself by 0."""
    drawn, place = _normal(names, pairs), list(names).index(reference)
    ahead = np.zeros_like(drawn)
    for index, name in enumerate(names):
        if index != place:
            one, raw = pairs[name, reference], drawn[:, index] - drawn[:, place]
            uniform = stats.norm.cdf(raw / max(raw.std(), 1e-300))
            ahead[:, index] = _student(one, uniform)
    return ahead


def _student(one: Estimate, uniform: np.ndarray) -> np.ndarray:
    scale = one.scale if np.isfinite(one.scale) else 1e6  # nothing is known
    return one.mean + scale * stats.t.ppf(np.clip(uniform, 1e-9, 1 - 1e-9), one.freedom)


def _normal(names: Sequence[str], pairs: Pairs) -> np.ndarray:
    """Draw the models' means about zero (draws, models); only their differences mean anything."""
    num = len(names)
    known = [one.scale for one in pairs.values() if np.isfinite(one.scale)]
    unknown = 10 * max(known, default=1.0)
    spread = np.zeros((num, num))
    for i, j in combinations(range(num), 2):
        scale = pairs[names[i], names[j]].scale
        spread[i, j] = spread[j, i] = (scale if np.isfinite(scale) else unknown) ** 2
    center = np.eye(num) - 1 / num
    values, vectors = np.linalg.eigh(-center @ spread @ center / 2)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.random.default_rng(0).standard_normal((DRAWS, num)) @ root.T
