"""Logistic regression on an example as one vector; numbers by ridge regression.

Cox 1958, solved by scikit-learn on standardised values. The penalty is chosen by folds left out.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor, nn

from bicameral.nn.answers import LABELS, NUMBERS, AnswerConfig, Loss, Targets, best
from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.registry import model

PENALTIES = (1.0, 0.1, 0.01, 10.0)  # scikit-learn's C; of a ridge its inverse, a hundredth of it
ABSENT = -20.0  # logit of a class that no example has


@model(
    "logistic",
    config=AnswerConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
    sizes={"default": {}},
    fitted="fit",
    kinds=("image", "clip", "sound", "series"),
    numbers=True,
)
class Logistic(nn.Module):
    """One linear map."""

    weight: Float[Tensor, "k e"]
    bias: Float[Tensor, " k"]

    def __init__(self, shape: tuple[int, ...], config: AnswerConfig):
        super().__init__()
        self.width, self.question, self.num_frames = config.num_outputs, config.question, shape[0]
        self.register_buffer("weight", torch.zeros(self.width, shape[0] * shape[1]))
        self.register_buffer("bias", torch.zeros(self.width))

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        return flatten_frames(x, lengths, self.num_frames) @ self.weight.mT + self.bias

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Targets, loss: Loss,
        folds: Int[np.ndarray, " n"],
    ) -> None:  # fmt: skip
        """Fit the map, with the penalty that answers best for a fold left out."""
        features = flatten_frames(x, lengths, self.num_frames).double().numpy()
        mean, spread = features.mean(0), features.std(0)
        scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
        features = (features - mean) * scale
        rest, left = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)

        def error(penalty: float) -> float:
            weight, bias = _fitted(features[rest], targets[rest], self.question, penalty)
            return loss(torch.from_numpy(features[left] @ weight.T + bias), left)

        penalty = best(PENALTIES, error) if len(rest) and len(left) else PENALTIES[0]
        weight, bias = _fitted(features, targets, self.question, penalty)
        self.weight.copy_(torch.from_numpy(weight * scale))
        self.bias.copy_(torch.from_numpy(bias - (weight * scale) @ mean))


def _fitted(
    features: np.ndarray, targets: Targets, question: str, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (k e) and bias (k)."""
    if question == NUMBERS:
        ridge = Ridge(alpha=100 / penalty).fit(features, targets)
        return ridge.coef_.reshape(targets.shape[1], -1), np.reshape(ridge.intercept_, -1)
    if question == LABELS:
        columns = [_classes(features, np.stack([~column, column], 1), penalty) for column in targets.T]
        parts = [(weight[1] - weight[0], bias[1] - bias[0]) for weight, bias in columns]
        return np.stack([weight for weight, _ in parts]), np.array([bias for _, bias in parts])
    return _classes(features, targets, penalty)


def _classes(features: np.ndarray, targets: Targets, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    present = np.flatnonzero(targets.any(0))
    weight = np.zeros((targets.shape[1], features.shape[1]))
    bias: Any = np.where(targets.any(0), 0, ABSENT)
    if len(present) > 1:
        found = LogisticRegression(C=penalty, max_iter=500, tol=1e-3).fit(features, targets.argmax(1))
        columns = present if len(present) > 2 else present[1:]  # of two classes the second alone is told
        weight[columns], bias[columns] = found.coef_, found.intercept_
    return weight, bias
