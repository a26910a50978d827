"""Budget curves: the best score a family can be expected to reach after so many device-seconds of tuning.

The expected maximum of k of the n trials, drawn without replacement, is the unbiased estimator of Tang et al.
(2020, arXiv:2004.13705), which corrects Dodge et al. (2019, "Show Your Work").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import gammaln

FEWEST_FOR_A_BAND = 20
_RESAMPLES = 2_000


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Expected best score after 1, 2, ... n trials, at their mean cost.

    Below `FEWEST_FOR_A_BAND` trials there is no band: the bootstrap of a maximum fails there (measured
    coverage of six trials' "95 %": 84 to 41 %), and the trials themselves are shown.
    """

    name: str
    family: str
    seconds: list[float]
    expected_best: list[float]
    scores: list[float]  # of the trials; a crash as the worst
    low: list[float] | None = None  # 95 % bootstrap band
    high: list[float] | None = None


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """From `seconds` on, `after` is expected to stay ahead of `before`."""

    seconds: float
    before: str
    after: str

    def to_dict(self) -> dict[str, float | str]:
        """Return the JSON of results, where the two are called `from` and `to`."""
        return {"seconds": self.seconds, "from": self.before, "to": self.after}


def expected_best(scores: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the unbiased expected maximum of 1, 2, ... n of the n scores; leading axes are batches."""
    ordered = np.sort(np.asarray(scores, dtype=float), axis=-1)
    return ordered @ _weights(ordered.shape[-1]).T


def _weights(num: int) -> np.ndarray:
    """Return at (k, i) the chance that the i-th smallest of n is the largest of k: C(i-1, k-1) / C(n, k)."""
    place, drawn = np.arange(1, num + 1), np.arange(1, num + 1)[:, None]
    possible = place >= drawn
    below = np.where(possible, place - drawn, 0)
    log_chance = _log_choose(place - 1, drawn - 1, below) - _log_choose(num, drawn, num - drawn)
    return np.where(possible, np.exp(log_chance), 0.0)


def _log_choose(num: np.ndarray | int, chosen: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return gammaln(np.add(num, 1)) - gammaln(chosen + 1) - gammaln(rest + 1)


def budget_curve(
    name: str, family: str, scores: Sequence[float | None], seconds: Sequence[float], *, worst: float
) -> Curve:
    """Return the curve of one family from its tuning trials; a crash costs its time and scores `worst`."""
    sample = np.array([worst if score is None else score for score in scores])
    low, high = _band(sample) if len(sample) >= FEWEST_FOR_A_BAND else (None, None)
    return Curve(
        name=name,
        family=family,
        seconds=(np.arange(1, len(sample) + 1) * np.mean(seconds)).tolist(),
        expected_best=expected_best(sample).tolist(),
        scores=sample.tolist(),
        low=low,
        high=high,
    )


def _band(sample: np.ndarray) -> tuple[list[float], list[float]]:
    rows = np.random.default_rng(0).integers(len(sample), size=(_RESAMPLES, len(sample)))
    low, high = np.quantile(expected_best(sample[rows]), (0.025, 0.975), axis=0)
    return low.tolist(), high.tolist()


def crossings(curves: Sequence[Curve]) -> list[Crossing]:
    """Return when one leader gives way to the next for good, over the time every curve has begun.

    Two close curves overtake each other many times; only the last time says something about budgets.
    """
    if not curves:
        return []
    start = max(curve.seconds[0] for curve in curves)
    times = sorted({second for curve in curves for second in curve.seconds if second >= start})
    heights = np.array([np.interp(times, curve.seconds, curve.expected_best) for curve in curves])
    last_lead = {curves[index].name: place for place, index in enumerate(heights.argmax(axis=0))}
    leaders = sorted(last_lead, key=lambda name: last_lead[name])
    return [
        Crossing(seconds=times[last_lead[before] + 1], before=before, after=after)
        for before, after in pairwise(leaders)
    ]
