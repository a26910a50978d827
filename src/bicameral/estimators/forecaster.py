"""Forecaster: the rows of X are the steps of one series, and what follows them is the answer."""

from collections.abc import Mapping
from typing import Any, no_type_check

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from bicameral.data.dataset import Dataset
from bicameral.data.examples.season import season_of
from bicameral.data.examples.windows import windows
from bicameral.errors import DataError
from bicameral.estimators.trained import Trained
from bicameral.models import require_counts

AUTO = "gru"  # where there are too few windows to race
REACH = 4  # horizons a look-back is long, unless told


class Forecaster(Trained):
    """The next `horizon` steps of a series (t,) or (t, d), by any model of the registry.

    lookback        steps the model sees; four horizons if not given
    max_iter        epochs over all windows, where no budget_seconds are given
    """

    @no_type_check  # scikit-learn wants init to take anything; `fit` complains
    def __init__(
        self,
        model: str = "auto",
        *,
        horizon: int = 1,
        lookback: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        max_iter: int = 20,
        budget_seconds: float | None = None,
        learning_rate: float = 3e-3,
        batch_size: int = 64,
        random_state: Any = None,
    ):
        self.model = model
        self.horizon = horizon
        self.lookback = lookback
        self.overrides = overrides
        self.max_iter = max_iter
        self.budget_seconds = budget_seconds
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "Forecaster":  # noqa: ARG002
        """Train on every window of the series; its end is kept as the present for `predict`."""
        require_counts(self, "horizon", *(() if self.lookback is None else ("lookback",)))
        self.is_single_ = np.ndim(X) == 1
        X = self._check(X, reset=True)
        self.lookback_ = REACH * self.horizon if self.lookback is None else self.lookback
        self.end_ = X[-self.lookback_ :]
        cut = self._windows(X)
        options = {"lookback": self.lookback_, "horizon": self.horizon, "season": season_of(_series(X))}
        self._train(cut, None if self.model == "auto" else self.model, options, fallback=AUTO)
        return self

    def predict(self, X: Any = None) -> np.ndarray:
        """Forecast the `horizon` steps after X, or after the training series: (horizon,) or (horizon, d)."""
        check_is_fitted(self)
        X = self.end_ if X is None else self._check(X, reset=False)
        if len(X) < self.lookback_:
            raise DataError(f"{len(X)} steps were given; the model looks back over {self.lookback_}")
        values = self._raw(_series(X[-self.lookback_ :]))[0]
        return values[:, 0] if self.is_single_ else values

    def score(self, X: Any, y: Any = None) -> float:  # noqa: ARG002
        """R2 over every window of the series X; 1 is perfect, 0 no better than the mean."""
        check_is_fitted(self)
        cut = self._windows(self._check(X, reset=False))
        truth, values = np.asarray(cut.targets[:]), self._raw(cut)
        return float(r2_score(truth.reshape(len(truth), -1), values.reshape(len(values), -1)))

    def _windows(self, X: np.ndarray) -> Dataset:
        return windows(_series(X), lookback=self.lookback_, horizon=self.horizon)

    def _raw(self, dataset: Dataset) -> np.ndarray:
        return self.artifact_.task.in_units(self.artifact_.outputs(dataset))

    def _check(self, X: Any, *, reset: bool) -> np.ndarray:
        X = np.reshape(X, (-1, 1)) if np.ndim(X) == 1 else X
        return np.asarray(
            validate_data(self, X, reset=reset, dtype=np.float32, ensure_all_finite="allow-nan")
        )


def _series(X: np.ndarray) -> Dataset:
    columns = tuple(f"channel {channel}" for channel in range(X.shape[1]))
    return Dataset(
        name="array", kind="series", items=[X], ids=["array"], columns=columns, target_columns=columns
    )
