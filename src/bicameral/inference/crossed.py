"""The mean of a difference, from examples and fits crossed: one model for interval, posterior and p value.

A score is a mean over examples and over fits, both of which are samples: another draw of either would have
given another mean. With c[f, u] the part of fit f and unit u in the mean, taken about it, the variance is

    WIDENING * sum_u (sum_f c)^2  +  max(0, sum_f (sum_u c)^2 - WIDENING * sum_fu c^2)

the part of the units, and that of the fits (seed, order, tuning) beyond what their own examples explain
(two-way clustering: Owen 2007, Cameron, Gelbach & Miller 2011). The fits of a cross-validation share most of
what they were trained on, which no spread between them shows (Bengio & Grandvalet 2004); `WIDENING` stands
for it, and was chosen on data with known truth: benchmarks/calibration.py.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from bicameral.inference.cells import Cells

WIDENING = 1.35
_CONTINUATIONS, _LIKELY = 1_000, 2 / 3
TIES = 0.5  # of one example in disagreement, where none was seen (Jeffreys' prior of a proportion)


class Interval(NamedTuple):
    """A lower and an upper bound."""

    low: float
    high: float


class Posterior(NamedTuple):
    """How probable it is that the true mean is below, inside and above the margin."""

    p_worse: float
    p_equal: float
    p_better: float


@dataclass(frozen=True)
class Estimate:
    """A posterior of Student's t: `mean`, `scale`, `freedom` (degrees); infinite scale: nothing is known."""

    mean: float
    scale: float
    freedom: float
    shrinking: float = 0.0  # share of the variance that more fits would divide

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the mean's spread."""
        return bool(np.isfinite(self.scale))

    def reversed(self) -> "Estimate":
        """Return the estimate of the difference the other way round."""
        return replace(self, mean=-self.mean)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the central interval."""
        half = self.half_width(level)
        return Interval(self.mean - half, self.mean + half)

    def half_width(self, level: float = 0.95) -> float:
        """Return half of the interval's width."""
        return float(stats.t.ppf((1 + level) / 2, self.freedom) * self.scale)

    def above(self, value: float) -> float:
        """Return the probability that the true mean is above `value`."""
        if not self.is_known:
            return 0.5
        if self.scale == 0:
            return float(np.heaviside(self.mean - value, 0.5))
        return float(stats.t.sf((value - self.mean) / self.scale, self.freedom))

    def chances(self, rope: float) -> Posterior:
        """Return how probable a mean below, within and above the region of practical equivalence is."""
        if not self.is_known:
            return Posterior(0.5, 0.0, 0.5)
        better, worse = self.above(rope), 1.0 - self.above(-rope)
        return Posterior(worse, max(0.0, 1.0 - better - worse), better)

    def p_value(self) -> float:
        """Return the two-sided p value of no difference."""
        return float(min(1.0, 2 * min(self.above(0.0), 1.0 - self.above(0.0))))


UNKNOWN = Estimate(0.0, np.inf, 1.0)


def estimate(cells: Cells, *, widening: float = WIDENING) -> Estimate:
    """Estimate the true mean of what the cells hold. One fit, or one unit, has no spread: infinite scale."""
    total, mean = cells.weights.sum(), cells.mean
    part = (cells.sums - cells.weights * mean) / total
    num_fits, num_units = len(part), int((cells.weights.sum(0) > 0).sum())
    if min(num_fits, num_units) < 2:
        return Estimate(mean, np.inf, 1.0)
    small = num_units / (num_units - 1)
    by_unit, by_cell = small * np.square(part.sum(0)).sum(), small * np.square(part).sum()
    by_fit = num_fits / (num_fits - 1) * np.square(part.sum(1)).sum()
    excess = max(0.0, by_fit - widening * by_cell)
    lasting = _lasting(by_unit, by_cell, total / cells.num_examples)
    by_unit, lasting = widening * by_unit, widening * lasting
    variance = by_unit + excess + TIES * cells.weight_of_one**2
    if variance <= 0:
        return Estimate(mean, 0.0, float(num_units - 1))
    doubt = (by_unit / variance) ** 2 / (num_units - 1)
    doubt += (by_fit / variance) ** 2 / (num_fits - 1) if excess else 0.0
    shrinking = (by_unit - lasting + excess) / variance
    return Estimate(mean, float(np.sqrt(variance)), float(1 / max(doubt, 1e-9)), float(shrinking))


def _lasting(by_unit: float, by_cell: float, repetitions: float) -> float:
    """Return the part of the units' variance that is the same in every fit; without repetitions, all."""
    if repetitions < 1.2:
        return by_unit
    return float(np.clip((by_unit - by_cell) / (1 - 1 / repetitions), 0.0, by_unit))


def further_fits(
    one: Estimate, num_fits: int, *, rope: float, threshold: float = 0.95, most: int = 50
) -> int | None:
    """Return how many more fits would likely lead to a decision, or None where `most` would not.

    The study is continued from its posterior: what more fits would average out has been learned, the rest
    stays unknown. Likely is a chance of two thirds (the IPCC's word).
    """
    if not one.is_known or one.scale == 0:
        return None
    further = np.arange(1, most + 1)[:, None]
    left = one.scale**2 * (1 - one.shrinking * further / (num_fits + further))
    drawn = np.random.default_rng(0).standard_normal(_CONTINUATIONS)
    mean, scale = one.mean + np.sqrt(one.scale**2 - left) * drawn, np.sqrt(left)
    worse = stats.t.cdf((-rope - mean) / scale, one.freedom + further)
    better = stats.t.sf((rope - mean) / scale, one.freedom + further)
    surest = np.maximum(np.maximum(worse, better), 1 - worse - better)
    settled = (surest >= threshold).mean(axis=1) >= _LIKELY
    return int(further[settled.argmax(), 0]) if settled.any() else None
