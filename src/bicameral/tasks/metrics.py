"""Metrics: what of each example they are computed from, which way is better, how they are shown."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics as sk

from bicameral.errors import UnknownNameError, nearest

Statistics = Mapping[str, np.ndarray]  # float arrays by name, each (n, ...) with one row an example
Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]  # predictions and truth (n, ...) -> (n, ...)


@dataclass(frozen=True)
class Metric:
    """A named figure of a part of the data, computed from what is kept of each of its examples."""

    compute: Callable[[Statistics], float]
    needs: tuple[str, ...]  # of the statistics
    higher_is_better: bool = True
    percent: bool = False  # shown as points of a hundred
    rope: float = 0.01  # the smallest difference worth caring about, unless the user says otherwise

    def score(self, value: float) -> float:
        """Turn the metric's value into one where higher is better."""
        return value if self.higher_is_better else -value


def mean_of(name: str, **shown: Any) -> Metric:
    """Build the metric that is the mean of one statistic over all its numbers."""
    return Metric(lambda kept: float(kept[name].mean()), (name,), **shown)


def ratio_of(above: str, below: str, **shown: Any) -> Metric:
    """Build the metric that is one statistic's sum over another's."""
    return Metric(lambda kept: ratio(kept[above].sum(), kept[below].sum()), (above, below), **shown)


def ratio(above: Any, below: Any) -> float:
    """Divide; NaN where there is nothing to divide by."""
    return float(above / below) if below else float("nan")


def auroc(kept: Statistics) -> float:
    """Compute the area of one class against the rest, averaged over the classes that have both."""
    probabilities, truth = kept["probabilities"], kept["truth"]
    areas = [
        sk.roc_auc_score(truth == label, probabilities[:, label])
        for label in range(probabilities.shape[-1])
        if 0 < (truth == label).sum() < len(truth)
    ]
    return float(np.mean(areas)) if areas else float("nan")


def balanced_accuracy(kept: Statistics) -> float:
    """Average the accuracy over the classes that occur."""
    correct, truth = kept["correct"], kept["truth"]
    return float(np.mean([correct[truth == label].mean() for label in np.unique(truth)]))


def macro_f1(kept: Statistics) -> float:
    """Average the F1 of every class that occurs or is answered; of several labels, of every class."""
    nothing_found: Any = 0  # the stubs of scikit-learn know only words here
    truth, predicted = kept["truth"].astype(int), kept["predicted"].astype(int)
    return float(sk.f1_score(truth, predicted, average="macro", zero_division=nothing_found))


def expected_calibration_error(kept: Statistics, bins: int = 15) -> float:
    """Average the gap between confidence and accuracy over equal-width bins (Guo et al. 2017)."""
    confidence, correct = kept["confidence"], kept["correct"]
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((confidence - correct)[bin_of == index].sum()) for index in range(bins)]
    return float(sum(gaps) / len(correct))


def r2(kept: Statistics) -> float:
    """Average the share of variance explained over the columns, as scikit-learn does."""
    truth = kept["truth"]
    if len(truth) < 2:
        return float("nan")
    left, spread = kept["squared_error"].sum(0), ((truth - truth.mean(0)) ** 2).sum(0)
    varies = spread > 0
    shares = np.where(left > 0, 0.0, 1.0)  # of a constant column, nothing is explained but by no error at all
    shares[varies] = 1 - left[varies] / spread[varies]
    return float(shares.mean())


def check_metric(name: str, table: Iterable[str]) -> None:
    """Raise UnknownNameError for a metric the task does not have."""
    if name not in table:
        raise UnknownNameError(f"no metric called {name!r} for this task{nearest(name, table)}")
