"""Support vectors under a Gaussian kernel, on an example as one vector.

Cortes and Vapnik 1995, doi 10.1007/BF00994018, solved by scikit-learn on standardised values. A fold left out
chooses the penalty and the scale of the logits.
"""

from itertools import combinations
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.svm import SVC, SVR
from torch import Tensor

from bicameral.nn.answers import NUMBERS, ONE_CLASS, AnswerConfig, Loss, Targets, best, best_scale
from bicameral.nn.fitted_buffers import FittedBuffers
from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.registry import model

PENALTIES = (10.0, 1.0, 100.0)  # scikit-learn's C


@model(
    "rbf_svm",
    config=AnswerConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1007/BF00994018",
    sizes={"default": {}},
    fitted="fit",
    kinds=("image", "clip", "sound", "series"),
    numbers=True,
)
class RBFSVM(FittedBuffers):
    """Votes of every pair of classes, ties broken by their margins, as scikit-learn counts them."""

    vectors: Float[Tensor, "v e"]
    weights: Float[Tensor, "v m"]  # of each support vector in each machine: pair of classes, label or number
    bias: Float[Tensor, " m"]
    votes: Float[Tensor, "m k"]  # 1 for the class a machine speaks for, -1 for the one it speaks against
    start: Float[Tensor, " k"]
    mean: Float[Tensor, " e"]
    spread: Float[Tensor, " e"]
    gamma: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], config: AnswerConfig):
        super().__init__()
        self.width, self.question, self.num_frames = config.num_outputs, config.question, shape[0]
        size = shape[0] * shape[1]
        for name, made in (
            ("vectors", torch.zeros(1, size)), ("weights", torch.zeros(1, 1)), ("bias", torch.zeros(1)),
            ("votes", torch.zeros(1, self.width)), ("start", torch.zeros(self.width)),
            ("mean", torch.zeros(size)), ("spread", torch.ones(size)),
            ("gamma", torch.tensor(1.0)), ("scale", torch.tensor(1.0)),
        ):  # fmt: skip
            self.register_buffer(name, made)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        x = (flatten_frames(x, lengths, self.num_frames) - self.mean) / self.spread
        return self._answered(x)

    def _answered(self, x: Float[Tensor, "b e"]) -> Float[Tensor, "b k"]:
        near = (-self.gamma * torch.cdist(x, self.vectors).square()).exp()
        margin = near @ self.weights + self.bias
        if self.question != ONE_CLASS:
            return self.scale * margin @ self.votes + self.start
        total = margin @ self.votes
        counted = (margin > 0).to(x) @ self.votes.clamp(min=0) - (margin <= 0).to(x) @ self.votes.clamp(max=0)
        return self.scale * (counted + total / (3 * (total.abs() + 1))) + self.start

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Targets, loss: Loss,
        folds: Int[np.ndarray, " n"],
    ) -> None:  # fmt: skip
        """Fit the machines, with the penalty and the scale that answer best for a fold left out."""
        x = flatten_frames(x, lengths, self.num_frames)
        spread = x.std(0, correction=0)
        self.mean, self.spread = x.mean(0), torch.where(spread > 0, spread, torch.inf)
        x = (x - self.mean) / self.spread
        rest, left = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
        found = [(1.0, PENALTIES[0], np.inf)]
        for penalty in PENALTIES if len(rest) and len(left) else ():
            self._machines(x[rest].numpy(), targets[rest], penalty)
            output = self._answered(x[left]) - self.start
            scale = 1.0 if self.question == NUMBERS else best_scale(output, left, loss)
            found.append((scale, penalty, loss(scale * output + self.start, left)))
        scale, penalty, _ = best(found, lambda one: one[2])
        self._machines(x.numpy(), targets, penalty)
        self.scale.fill_(scale)

    def _machines(self, x: np.ndarray, targets: Targets, penalty: float) -> None:
        self.scale.fill_(1)
        self.start.zero_()
        if self.question == ONE_CLASS:
            present = np.flatnonzero(targets.any(0))
            machines = (
                [_pairs(x, targets.argmax(1), penalty, present, self.width)] if len(present) > 1 else []
            )
            self.start.copy_(torch.from_numpy(np.where(targets.any(0), 0.0, -20.0)))
        else:
            machines = [_one(x, column, penalty, place, self.width) for place, column in enumerate(targets.T)]
        self._take_over(x, machines)

    def _take_over(self, x: np.ndarray, machines: list[Any]) -> None:
        """Keep the support vectors of all machines, each once."""
        weights = np.concatenate([one[0] for one in machines], 1) if machines else np.zeros((len(x), 1))
        kept = np.flatnonzero(weights.any(1)) if weights.any() else np.zeros(1, np.int64)
        self.vectors = torch.from_numpy(x[kept]).to(self.mean)
        self.weights = torch.from_numpy(weights[kept]).to(self.mean)
        bias = np.concatenate([one[1] for one in machines]) if machines else np.zeros(1)
        votes = np.concatenate([one[2] for one in machines]) if machines else np.zeros((1, self.width))
        self.bias, self.votes = torch.from_numpy(bias).to(self.mean), torch.from_numpy(votes).to(self.mean)
        self.gamma.fill_(_gamma(x))


def _gamma(x: np.ndarray) -> Any:
    """scikit-learn's "scale"."""
    return float(1 / (x.shape[1] * x.var())) if x.var() > 0 else 1.0


def _pairs(x: np.ndarray, y: np.ndarray, penalty: float, present: np.ndarray, width: int) -> tuple:
    """Weights (n m), bias (m) and votes (m k) of the machines that tell two classes apart each."""
    svm = SVC(C=penalty, gamma=_gamma(x)).fit(x, y)
    pairs = list(combinations(range(len(present)), 2))
    weights, votes = np.zeros((len(x), len(pairs))), np.zeros((len(pairs), width))
    ends = np.concatenate([[0], svm.n_support_.cumsum()])
    sign = -1 if len(present) == 2 else 1  # scikit-learn turns a single machine round
    for machine, (one, other) in enumerate(pairs):
        for mine, against in ((one, other), (other, one)):
            held = slice(ends[mine], ends[mine + 1])
            weights[svm.support_[held], machine] = sign * svm.dual_coef_[against - (against > mine), held]
        votes[machine, present[one]], votes[machine, present[other]] = 1, -1
    return weights, sign * svm.intercept_, votes


def _one(x: np.ndarray, column: np.ndarray, penalty: float, place: int, width: int) -> tuple:
    """Weights (n 1), bias (1) and votes (1 k) of a label or a number."""
    weights, votes = np.zeros((len(x), 1)), np.zeros((1, width))
    votes[0, place] = 1
    if column.dtype == bool and len(np.unique(column)) < 2:
        return weights, np.array([20.0 if column.any() else -20.0]), votes
    kind = SVC if column.dtype == bool else SVR
    svm = kind(C=penalty, gamma=_gamma(x)).fit(x, column)
    weights[svm.support_, 0] = svm.dual_coef_[0]
    return weights, np.reshape(svm.intercept_, -1), votes
