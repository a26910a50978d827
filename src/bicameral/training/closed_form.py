"""Fitted at once: heads, by ridge regression on features that are not trained, and counts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bicameral.data.batches.prepared import Prepared
from bicameral.tasks import Classify, Forecast, MultiLabel, Regress, Task
from bicameral.tasks.answering import in_order, on
from bicameral.tasks.continuing import sequences
from bicameral.tasks.network import Network

PENALTIES = tuple(np.logspace(-3, 5, 17).tolist())  # in units of one standardised feature's variance
SCALES = np.logspace(-1, 2, 61).tolist()  # of logits
ROWS = 4096  # in double precision at once
PREPARED_ROWS = 4096  # examples a model may look at before its features are computed


@torch.no_grad()
def solve(network: Network, task: Task, train: Prepared) -> None:
    """Fit the network's head to its features of the training part, by ridge regression; or its counts.

    Classes are targets of -1 and 1, one against the rest; the scale of the logits is the likeliest one.
    """
    network.eval()
    if count := getattr(network.backbone, "count", None):
        count(sequences(train))
        return
    if hasattr(network.backbone, "fit"):
        _fit_answer(network, task, train)
        return
    head = _head(network)
    _prepare(network, train)
    head.weight.zero_()
    head.bias.zero_()
    features, offsets, y = _features(network, train)
    targets = _targets(task, y) - offsets.double()
    ridge = fit_ridge(features, targets.flatten(1))
    weight, bias = ridge.weight, ridge.bias
    if isinstance(task, Classify | MultiLabel):
        scale = min(SCALES, key=lambda scale: task.loss(scale * (targets - ridge.left_out), y).item())
        weight, bias = scale * weight, scale * bias
    if isinstance(task, Forecast) and task.quantiles:
        bias = bias + _spread(ridge.left_out, task.quantiles)
    head.weight.copy_(weight)
    head.bias.copy_(bias)


def _fit_answer(network: Network, task: Task, train: Prepared) -> None:
    """Let a model that answers the task itself see every example at once, and what its answers would cost."""
    batch = train.batch(np.arange(len(train)))
    assert batch.y is not None
    y = batch.y
    targets = (_targets(task, y) > 0).numpy()
    network.backbone.fit(
        *network.read(batch.x, batch.lengths), targets, lambda output, rows: task.loss(output, y[rows]).item()
    )


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """A linear map and how it was chosen."""

    weight: Float[Tensor, "k d"]
    bias: Float[Tensor, " k"]
    penalty: float
    left_out: Float[Tensor, "n k"]  # truth minus the prediction made without that row


def fit_ridge(features: Float[Tensor, "n d"], targets: Float[Tensor, "n k"]) -> Ridge:
    """Ridge regression with a free intercept on standardised features, in double precision.

    One eigendecomposition, of the smaller side, serves all penalties; leave-one-out errors are exact.
    """
    table = _Table(features)
    values, axes = table.axes()
    mean = targets.mean(0)
    products = axes.mT @ table.times(targets - mean)
    left_out = _left_out(table, axes, values, products, targets - mean)
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
            yield (rows.double() - self.mean) / self.deviation

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


def _head(network: Network) -> nn.Linear:
    assert isinstance(network.head, nn.Linear), f"{network.entry.name} has no linear head to solve"
    return network.head


def _prepare(network: Network, train: Prepared) -> None:
    """Let a model that wants to look at training inputs first do so."""
    prepare = getattr(network.backbone, "prepare", None)
    if prepare is not None:
        rows = np.linspace(0, len(train) - 1, min(len(train), PREPARED_ROWS)).astype(np.int64)
        device = _head(network).weight.device
        prepare(*network.read(*on(device, train.batch(rows))))


def _features(network: Network, train: Prepared) -> tuple[Tensor, Tensor, Tensor]:
    """Features, what the network answers without them, and truth, for every example, on the CPU."""
    head, features, offsets, y = _head(network), [], [], []
    # What reaches the head in one pass: features may cost much more than the head.
    hook = head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0].cpu()))
    for batch in in_order(train):
        offsets.append(network(*on(head.weight.device, batch)).cpu())
        y.append(batch.y)
    hook.remove()
    return torch.cat(features), torch.cat(offsets), torch.cat(y)


def _targets(task: Task, y: Tensor) -> Tensor:
    """What the head should answer (n, *task.output_shape), in double precision."""
    if isinstance(task, Classify):
        return 2 * one_hot(y, len(task.classes)).double() - 1
    if isinstance(task, MultiLabel):
        return 2 * y.double() - 1
    assert isinstance(task, Regress | Forecast)
    y = task.standardise(y).double()
    levels = len(task.quantiles) if isinstance(task, Forecast) else 0
    return y[..., None].expand(*y.shape, levels) if levels else y


def _spread(left_out: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Distance of each quantile from the mean, by the errors of the rows left out."""
    errors = left_out.unflatten(1, (-1, len(levels)))
    return torch.stack([errors[..., i].quantile(level, 0) for i, level in enumerate(levels)], -1).flatten()
