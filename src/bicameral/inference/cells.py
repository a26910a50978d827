"""What was judged, as sums: a row a fit, a column a unit (an example, a group, a block of time)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MOST_UNITS = 4_096  # more are merged at random, which costs no more than degrees of freedom
BUCKETS = 40  # of units left out together, where a metric is no mean


@dataclass(frozen=True)
class Cells:
    """Sums of scores, or of differences of scores, and how many examples stand behind each.

    sums, weights  (fits, units)
    num_examples   different ones among all that were judged
    reach          how far apart the scores of two examples can be
    """

    sums: np.ndarray
    weights: np.ndarray
    num_examples: int
    reach: float

    def __sub__(self, other: "Cells") -> "Cells":
        reach = max(self.reach, other.reach)
        return Cells(self.sums - other.sums, self.weights, self.num_examples, reach)

    @property
    def mean(self) -> float:
        """The mean score of an answer."""
        return float(self.sums.sum() / self.weights.sum())

    @property
    def weight_of_one(self) -> float:
        """How far one example, answered otherwise, would move the mean."""
        return self.reach / self.num_examples


def columns(units: Sequence[np.ndarray], most: int = MOST_UNITS) -> list[np.ndarray]:
    """Number the units of every fit alike, from 0, merging them at random into at most so many."""
    names = np.unique(np.concatenate(units))
    number = np.random.default_rng(0).permutation(len(names)) % most
    return [number[np.searchsorted(names, of_fit)] for of_fit in units]


def summed(column: np.ndarray, width: int, values: np.ndarray | None = None) -> np.ndarray:
    """Sum values (n,) by column; without values count them."""
    return np.bincount(column, weights=values, minlength=width).astype(float)


def pseudo_sums(column: np.ndarray, width: int, score: Callable[[np.ndarray], float]) -> np.ndarray:
    """Share out a metric that is no mean (AUROC, F1, R²) among the columns of one fit.

    score  of the examples at these places

    Leaving out one column at a time (delete-group jackknife; Shao & Tu 1995, section 2.3) gives the influence
    of each. Of a mean, the sums are those of `summed`.
    """
    places = np.arange(len(column))
    whole, found = score(places), np.zeros(width)
    for one in np.unique(column):
        rest = places[column != one]
        without = score(rest) if len(rest) else whole
        change = whole - without if np.isfinite(without) else 0.0
        found[one] = (len(places) - len(rest)) * whole + len(rest) * change
    return found
