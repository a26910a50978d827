"""The statistics of paired replicates: intervals, tests, and how many more replicates would settle it.

Replicates that redraw the split share training examples, so they are correlated and the naive variance of
their mean, s²/n, is too small. Everywhere here it is s²(1/n + test_to_train), after Nadeau & Bengio (2003),
where `test_to_train` is the number of judged examples over the number of training examples; 0 means the
replicates are independent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

Values = Sequence[float] | np.ndarray

MOST_FURTHER = 50
LIKELY = 2 / 3  # the IPCC's word for a chance of at least two thirds
_RESAMPLES = 10_000
_CONTINUATIONS = 1_000


class Interval(NamedTuple):
    """A lower and an upper bound."""

    low: float
    high: float


class Posterior(NamedTuple):
    """How probable it is that the true mean difference is below, inside and above the ROPE."""

    p_worse: float
    p_equal: float
    p_better: float


def bootstrap_interval(
    values: Values, *, test_to_train: float = 0.0, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the expanded percentile bootstrap interval of the mean, honest from about six values on.

    The plain percentile interval is too short for few values; Hesterberg (2015, arXiv:1411.5279) moves its
    quantiles out until it is as wide as the t interval. One value has the whole line as its interval.
    """
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2:
        return Interval(-np.inf, np.inf)
    rows = np.random.default_rng(seed).integers(len(sample), size=(_RESAMPLES, len(sample)))
    means = sample[rows].mean(axis=1)
    return _expanded(means, sample.mean(), len(sample), test_to_train, level)


def grouped_bootstrap_interval(
    values: Values, groups: Sequence[object] | np.ndarray, *, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the interval of the mean of per-example values when whole groups are resampled.

    Examples of one group (a speaker, a source video) stand or fall together, so the group is the unit.
    """
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.bincount(group)
    sums = np.bincount(group, weights=np.asarray(values, dtype=float))
    if len(counts) < 2:
        return Interval(-np.inf, np.inf)
    draws = np.random.default_rng(seed).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), size=_RESAMPLES
    )
    means = (draws @ sums) / (draws @ counts)
    return _expanded(means, sums.sum() / counts.sum(), len(counts), 0.0, level)


def _expanded(
    means: np.ndarray, center: float, num_units: int, test_to_train: float, level: float
) -> Interval:
    expansion = np.sqrt(num_units / (num_units - 1)) * stats.t.ppf((1 + level) / 2, num_units - 1)
    tail = stats.norm.sf(expansion)
    widening = np.sqrt(1 + num_units * test_to_train)
    low, high = center + widening * (np.quantile(means, (tail, 1 - tail)) - center)
    return Interval(float(low), float(high))


def corrected_t_p(differences: Values, *, test_to_train: float = 0.0) -> float:
    """Return the two-sided p value of the corrected resampled t test (Nadeau & Bengio 2003, eq. 9)."""
    mean, scale, freedom = student(differences, test_to_train)
    if scale == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(abs(mean) / scale, freedom)) if freedom else 1.0


def posterior(differences: Values, *, rope: float, test_to_train: float = 0.0) -> Posterior:
    """Return the Bayesian correlated t test with a region of practical equivalence of ±`rope`.

    The posterior of the mean difference is Student's t with n - 1 degrees of freedom around the observed
    mean (Benavoli, Corani, Demšar & Zaffalon 2017, arXiv:1606.04316, section 3). One difference has no
    spread, so its posterior is flat.
    """
    mean, scale, freedom = student(differences, test_to_train)
    if not freedom:
        return Posterior(0.5, 0.0, 0.5)
    if scale == 0:
        return Posterior(float(mean < -rope), float(abs(mean) <= rope), float(mean > rope))
    p_worse = stats.t.cdf((-rope - mean) / scale, freedom)
    p_better = stats.t.sf((rope - mean) / scale, freedom)
    return Posterior(float(p_worse), float(max(0.0, 1 - p_worse - p_better)), float(p_better))


def student(differences: Values, test_to_train: float) -> tuple[float, float, int]:
    """Return mean, scale and degrees of freedom of the corrected t."""
    sample = np.asarray(differences, dtype=float)
    num = len(sample)
    spread = sample.std(ddof=1) if num > 1 else np.inf
    # A constant sample keeps a rounding residue of about one ulp, which would make a t value of 1e15.
    spread = 0.0 if num > 1 and np.ptp(sample) == 0 else spread
    return float(sample.mean()), float(spread * np.sqrt(1 / num + test_to_train)), num - 1


def sign_flip_p(differences: Values) -> float:
    """Return the exact two-sided p value of flipping signs (Fisher 1935); it cannot fall below 2 / 2ⁿ.

    Above 13 differences, 9,999 random flips stand for all.
    """
    sample = np.asarray(differences, dtype=float)
    if len(sample) < 2:
        return 1.0
    return float(
        stats.permutation_test((sample,), np.mean, permutation_type="samples", vectorized=True, rng=0).pvalue
    )


def holm(p_values: Values) -> list[float]:
    """Return p values adjusted for the number of comparisons (Holm 1979): step down, never decreasing."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def further_replicates(
    differences: Values, *, rope: float, test_to_train: float = 0.0, threshold: float = 0.95
) -> int | None:
    """Return how many more replicates would likely lead to a decision, or None when no number would.

    The study is continued a thousand times from the posterior of its mean and spread; the answer is the
    smallest number, up to `MOST_FURTHER`, after which two thirds of the continuations are decided.
    """
    sample = np.asarray(differences, dtype=float)
    if len(sample) < 2 or np.ptp(sample) == 0:
        return None
    further = np.arange(1, MOST_FURTHER + 1)[:, None]
    mean, variance = _continued(sample, further)
    num = len(sample) + further
    scale = np.sqrt(variance * (1 / num + test_to_train))
    p_worse = stats.t.cdf((-rope - mean) / scale, num - 1)
    p_better = stats.t.sf((rope - mean) / scale, num - 1)
    surest = np.maximum(np.maximum(p_worse, p_better), 1 - p_worse - p_better)
    settled = (surest >= threshold).mean(axis=1) >= LIKELY
    return int(further[settled.argmax(), 0]) if settled.any() else None


def _continued(sample: np.ndarray, further: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw the mean and variance of the sample after each number of `further` differences."""
    rng = np.random.default_rng(0)
    num, mean, squares = len(sample), sample.mean(), sample.var() * len(sample)
    sigma = np.sqrt(squares / rng.chisquare(num - 1, _CONTINUATIONS))
    center = mean + sigma / np.sqrt(num) * rng.standard_normal(_CONTINUATIONS)
    shape = (len(further), _CONTINUATIONS)
    drawn = center + sigma / np.sqrt(further) * rng.standard_normal(shape)
    drawn_squares = sigma**2 * 2 * rng.standard_gamma(np.broadcast_to((further - 1) / 2, shape))
    total = num + further
    squares = squares + drawn_squares + (drawn - mean) ** 2 * num * further / total
    return (num * mean + further * drawn) / total, squares / (total - 1)
