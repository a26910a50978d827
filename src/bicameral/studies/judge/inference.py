"""The mean of a difference, from examples and fits crossed: one model for interval, posterior and p value.

A score is a mean over examples and over fits, both of which are samples: another draw of either would have
given another mean. With c[f, u] the part of fit f and unit u in the mean, taken about it, the variance is

    WIDENING * sum_u (sum_f c)^2  +  max(0, sum_f (sum_u c)^2 - WIDENING * sum_fu c^2)

the part of the units, and that of the fits (seed, order, tuning) beyond what their own examples explain
(two-way clustering: Owen 2007, Cameron, Gelbach & Miller 2011). The fits of a cross-validation share most of
what they were trained on, which no spread between them shows (Bengio & Grandvalet 2004); `WIDENING` stands
for it, and was chosen on data with known truth: benchmarks/calibration.py.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from bicameral.studies.judge.cells import Cells
from bicameral.studies.judge.statistics import Interval, Posterior

WIDENING = 1.25
TIES = 0.5  # of one example in disagreement, where none was seen (Jeffreys' prior of a proportion)


@dataclass(frozen=True)
class Estimate:
    """A posterior of Student's t: `mean`, `scale`, `freedom` (degrees); infinite scale: nothing is known."""

    mean: float
    scale: float
    freedom: float

    def interval(self, level: float = 0.95) -> Interval:
        """Return the central interval."""
        half = self.half_width(level)
        return Interval(self.mean - half, self.mean + half)

    def half_width(self, level: float = 0.95) -> float:
        """Return half of the interval's width."""
        return float(stats.t.ppf((1 + level) / 2, self.freedom) * self.scale)

    def above(self, value: float) -> float:
        """Return the probability that the true mean is above `value`."""
        if not np.isfinite(self.scale):
            return 0.5
        if self.scale == 0:
            return float(np.heaviside(self.mean - value, 0.5))
        return float(stats.t.sf((value - self.mean) / self.scale, self.freedom))

    def chances(self, rope: float) -> Posterior:
        """Return how probable a mean below, within and above the region of practical equivalence is."""
        if not np.isfinite(self.scale):
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
    small = widening * num_units / (num_units - 1)
    by_unit, by_cell = small * np.square(part.sum(0)).sum(), small * np.square(part).sum()
    by_fit = num_fits / (num_fits - 1) * np.square(part.sum(1)).sum()
    excess = max(0.0, by_fit - by_cell)
    variance = by_unit + excess + TIES * cells.weight_of_one**2
    if variance <= 0:
        return Estimate(mean, 0.0, float(num_units - 1))
    doubt = (by_unit / variance) ** 2 / (num_units - 1)
    doubt += (by_fit / variance) ** 2 / (num_fits - 1) if excess else 0.0
    return Estimate(mean, float(np.sqrt(variance)), 1 / max(doubt, 1e-9))
