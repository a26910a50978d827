"""Ridge regression whose penalty is chosen by leaving out rows, or groups of rows, exactly."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

PENALTIES = tuple(np.logspace(-3, 5, 17).tolist())  # in units of one standardised feature's variance
ROWS = 4096  # in double precision at once


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """A linear map and how it was chosen."""

    weight: Float[Tensor, "k d"]
    bias: Float[Tensor, " k"]
    penalty: float
    left_out: Float[Tensor, "n k"]  # truth minus the prediction made without that row, or its fold


def fit_ridge(
    features: Float[Tensor, "n d"], targets: Float[Tensor, "n k"], folds: Int[np.ndarray, " n"] | None = None
) -> Ridge:
    """Ridge regression with a free intercept on standardised features, in double precision.

    One eigendecomposition, of the smaller side, serves all penalties; errors of rows left out are exact.

    folds  which rows are left out together; None: each alone
    """
    table = _Table(features)
    values, axes = table.axes()
    mean = targets.mean(0)
    products = axes.mT @ table.times(targets - mean)
    if folds is None or len(np.unique(folds)) == len(folds):
        left_out = _left_out(table, axes, values, products, targets - mean)
    else:
        left_out = _folds_left_out(table, axes, values, products, targets - mean, folds)
    best = int(left_out.square().mean((1, 2)).argmin())
    damped = values + PENALTIES[best]
    weight = (axes @ (products / damped[:, None])).mT / table.deviation
    return Ridge(
        weight=weight, bias=mean - weight @ table.mean, penalty=PENALTIES[best], left_out=left_out[best]
    )


class _Table:
    """Features (n d), given standardised and in double precision, some rows at a time."""

    def __init__(self, features: Tensor):
        self.features = features
        self.mean = torch.stack([rows.double().sum(0) for rows in features.split(ROWS)]).sum(0) / len(
            features
        )
        squares = [(rows.double() - self.mean).square().sum(0) for rows in features.split(ROWS)]
        deviation = (torch.stack(squares).sum(0) / len(features)).sqrt()
        # A constant feature tells nothing: its rounding noise must not be blown up.
        told = deviation > 1e-6 * self.mean.abs() + 1e-30
        self.deviation = torch.where(told, deviation, torch.inf)

    def rows(self) -> Iterator[Tensor]:
        for rows in self.features.split(ROWS):
            yield self.standardise(rows)

    def standardise(self, rows: Tensor) -> Tensor:
        return (rows.double() - self.mean) / self.deviation

    def times(self, targets: Tensor) -> Tensor:
        """Features transposed times targets."""
        parts = zip(self.rows(), targets.split(ROWS), strict=True)
        return torch.stack([rows.mT @ part for rows, part in parts]).sum(0)

    def axes(self) -> tuple[Tensor, Tensor]:
        """Principal axes (d r) and their sums of squares (r,)."""
        if len(self.features) > self.features.shape[1]:
            width = self.features.shape[1]
            gram = torch.zeros(width, width, dtype=torch.float64)
            for rows in self.rows():
                gram.addmm_(rows.mT, rows)
            return _significant(*torch.linalg.eigh(gram))
        whole = torch.cat(list(self.rows()))
        values, sides = _significant(*torch.linalg.eigh(whole @ whole.mT))
        return values, whole.mT @ sides / values.sqrt()


def _significant(values: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    kept = values > values.max() * 1e-12
    return values[kept], vectors[:, kept]


def _left_out(table: _Table, axes: Tensor, values: Tensor, products: Tensor, targets: Tensor) -> Tensor:
    """Leave-one-out errors (penalties n k) of ridge regression: residuals over one minus leverage."""
    chunks = []
    for rows, truth in zip(table.rows(), targets.split(ROWS), strict=True):
        places, errors = rows @ axes, []
        for penalty in PENALTIES:
            leverage = 1 / len(targets) + places.square() @ (1 / (values + penalty))
            residual = truth - places @ (products / (values + penalty)[:, None])
            errors.append(residual / (1 - leverage)[:, None])
        chunks.append(torch.stack(errors))
    return torch.cat(chunks, 1)


def _folds_left_out(
    table: _Table, axes: Tensor, values: Tensor, products: Tensor, targets: Tensor, folds: np.ndarray
) -> Tensor:
    """Errors (penalties n k) of each fold left out whole: (1 - its block of the hat matrix)^-1 residual."""
    errors = targets.new_zeros(len(PENALTIES), *targets.shape)
    for fold in np.unique(folds):
        rows = torch.from_numpy(np.flatnonzero(folds == fold))
        places = table.standardise(table.features[rows]) @ axes
        for number, penalty in enumerate(PENALTIES):
            damped = places / (values + penalty)
            hat = 1 / len(targets) + damped @ places.mT
            unseen = torch.eye(len(rows), dtype=hat.dtype) - hat
            errors[number, rows] = torch.linalg.solve(unseen, targets[rows] - damped @ products)
    return errors
