"""Classifier and Regressor: every row of X is an example with an answer."""

from collections.abc import Mapping
from typing import Any, no_type_check

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from bicameral.data.dataset import Dataset, Kind
from bicameral.errors import DataError
from bicameral.estimators.trained import Trained

KINDS: dict[int, Kind] = {2: "series", 3: "series", 4: "image", 5: "clip"}  # by the axes of X
AUTO = {2: "mlp", 3: "fcn", 4: "resnet", 5: "lrcn"}  # where there are too few examples to race


class _Labelled(Trained):
    """Rows of X are features (n d), series (n t d), pictures (n c h w) or clips (n t c h w).

    model           a name of the registry; "auto": those that suit the data race, the best is fitted to all
    overrides       fields of the model's config
    max_iter        epochs, where no budget_seconds are given
    """

    @no_type_check  # scikit-learn wants init to take anything; `fit` complains
    def __init__(
        self,
        model: str = "auto",
        *,
        overrides: Mapping[str, Any] | None = None,
        max_iter: int = 100,
        budget_seconds: float | None = None,
        learning_rate: float = 3e-3,
        batch_size: int = 64,
        random_state: Any = None,
    ):
        self.model = model
        self.overrides = overrides
        self.max_iter = max_iter
        self.budget_seconds = budget_seconds
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _fit(self, X: np.ndarray, targets: np.ndarray, classes: tuple[str, ...] = ()) -> None:
        model = None if self.model == "auto" else self.model
        self._train(_dataset(X, targets, classes), model, fallback=AUTO[X.ndim])

    def _check(self, X: Any, y: Any = "no_validation", **options: Any) -> Any:
        checked = validate_data(
            self, X, y, dtype=np.float32, allow_nd=True, ensure_all_finite="allow-nan", **options
        )
        shape = np.shape(checked[0] if isinstance(checked, tuple) else checked)
        if len(shape) not in KINDS or 0 in shape:
            raise DataError(f"X is {shape}; expected (n, d), (n, t, d), (n, c, h, w) or (n, t, c, h, w)")
        return checked

    def _outputs(self, X: Any) -> Tensor:
        check_is_fitted(self)
        return self.artifact_.outputs(_dataset(self._check(X, reset=False))).double()


class Classifier(ClassifierMixin, _Labelled):
    """One class an example, by any model of the registry."""

    def fit(self, X: Any, y: Any) -> "Classifier":
        """Train on the examples X and their labels y (n,)."""
        X, y = self._check(X, y)
        check_classification_targets(y)
        self.classes_, targets = np.unique(y, return_inverse=True)
        self._fit(X, targets.astype(np.int64), tuple(str(label) for label in self.classes_))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, classes), in the order of `classes_`."""
        return self._outputs(X).softmax(-1).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Most probable label of each example."""
        best = self._outputs(X).argmax(-1).numpy()
        return self.classes_[best]


class Regressor(RegressorMixin, _Labelled):
    """One or several real numbers an example, by any model of the registry."""

    def fit(self, X: Any, y: Any) -> "Regressor":
        """Train on the examples X and their targets y, (n,) or (n, k)."""
        X, y = self._check(X, y, multi_output=True, y_numeric=True)
        self.is_single_ = y.ndim == 1
        self._fit(X, y.astype(np.float32))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Targets in the units of the data, (n,) or (n, k) as y was given."""
        outputs = self._outputs(X)
        values = self.artifact_.task.in_units(outputs)
        return values[:, 0] if self.is_single_ else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _dataset(X: np.ndarray, targets: np.ndarray | None = None, classes: tuple[str, ...] = ()) -> Dataset:
    """Features are series of one step, so that each is scaled by itself."""
    items = X[:, None] if X.ndim == 2 else X
    return Dataset(name="arrays", kind=KINDS[X.ndim], items=list(items), targets=targets, classes=classes)
