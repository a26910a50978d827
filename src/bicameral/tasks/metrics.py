"""Metrics by name: what they are computed from, which way is better, how they are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics as sk

from bicameral.errors import UnknownNameError, nearest

Values = np.ndarray


@dataclass(frozen=True)
class Metric:
    """A named figure computed from predictions and truth, both as arrays."""

    compute: Callable[[Values, Values], float]
    higher_is_better: bool = True
    percent: bool = False  # shown as points of a hundred
    rope: float = 0.01  # the smallest difference worth caring about, unless the user says otherwise

    def score(self, value: float) -> float:
        """Turn the metric's value into one where higher is better."""
        return value if self.higher_is_better else -value


def _hard(probabilities: Values) -> Values:
    return probabilities.argmax(-1)


def _labels(probabilities: Values) -> np.ndarray:
    return np.arange(probabilities.shape[-1])


def _auroc(probabilities: Values, truth: Values) -> float:
    """One class against the rest, averaged over the classes that have both."""
    areas = [
        sk.roc_auc_score(truth == label, probabilities[:, label])
        for label in _labels(probabilities)
        if 0 < (truth == label).sum() < len(truth)
    ]
    return float(np.mean(areas)) if areas else float("nan")


def _balanced(probabilities: Values, truth: Values) -> float:
    hit = _hard(probabilities) == truth
    return float(np.mean([hit[truth == label].mean() for label in np.unique(truth)]))


def _macro_f1(prediction: Values, truth: Values) -> float:
    nothing_found: Any = 0  # the stubs of scikit-learn know only words here
    return float(sk.f1_score(truth, prediction, average="macro", zero_division=nothing_found))


def _log_loss(probabilities: Values, truth: Values) -> float:
    picked = np.take_along_axis(probabilities, truth[:, None], 1)
    return float(-np.log(np.clip(picked, 1e-12, 1)).mean())


def expected_calibration_error(probabilities: Values, truth: Values, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017)."""
    confidence, hit = probabilities.max(-1), _hard(probabilities) == truth
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((confidence - hit)[bin_of == index].sum()) for index in range(bins)]
    return float(sum(gaps) / len(truth))


def _pinball(prediction: Values, truth: Values, quantiles: tuple[float, ...]) -> float:
    error = truth[..., None] - prediction
    levels = np.asarray(quantiles)
    return float(np.maximum(levels * error, (levels - 1) * error).mean())


CLASSIFY = {
    "accuracy": Metric(lambda p, y: float((_hard(p) == y).mean()), percent=True),
    "balanced_accuracy": Metric(_balanced, percent=True),
    "macro_f1": Metric(lambda p, y: _macro_f1(_hard(p), y), percent=True),
    "auroc": Metric(_auroc, percent=True),
    "log_loss": Metric(_log_loss, higher_is_better=False, rope=0.02),
    "ece": Metric(expected_calibration_error, higher_is_better=False),
}
MULTILABEL = {
    "macro_f1": Metric(lambda p, y: _macro_f1(p > 0.5, y), percent=True),
    "exact_match": Metric(lambda p, y: float(((p > 0.5) == y).all(-1).mean()), percent=True),
    "hamming": Metric(lambda p, y: float(((p > 0.5) == y).mean()), percent=True),
}
REGRESS = {
    "r2": Metric(lambda p, y: float(sk.r2_score(y, p))),
    "mae": Metric(lambda p, y: float(np.abs(p - y).mean()), higher_is_better=False),
    "rmse": Metric(lambda p, y: float(np.sqrt(((p - y) ** 2).mean())), higher_is_better=False),
}
FORECAST = {
    "mse": Metric(lambda p, y: float(((p - y) ** 2).mean()), higher_is_better=False, rope=0.005),
    "mae": Metric(lambda p, y: float(np.abs(p - y).mean()), higher_is_better=False, rope=0.005),
}


def pinball(quantiles: tuple[float, ...]) -> Metric:
    """Mean quantile loss over `quantiles`; the last axis of the prediction runs over them."""
    return Metric(lambda p, y: _pinball(p, y, quantiles), higher_is_better=False, rope=0.005)


def check_metric(name: str, table: dict[str, Metric]) -> None:
    """Raise UnknownNameError for a metric the task does not have."""
    if name not in table:
        raise UnknownNameError(f"no metric called {name!r} for this task{nearest(name, table)}")
