"""Fitted at once: heads, by ridge regression on features that are not trained, and counts."""

from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from bicameral.data.batches.prepared import Prepared
from bicameral.data.preprocessing.text import NUM_RESERVED
from bicameral.tasks import Forecast, Task
from bicameral.tasks.answering import answer, in_order, on
from bicameral.tasks.continuing import sequences
from bicameral.tasks.network import Network
from bicameral.training.folds import folds, left_out_together
from bicameral.training.ridge import fit_ridge
from bicameral.training.seeding import derive, seeded

MOST_VALUES = 2**26  # of windows that are shown at once
PREPARED_ROWS = 4096  # examples a model may look at before its features are computed


@torch.no_grad()
def solve(network: Network, task: Task, train: Prepared, *, seed: int = 0) -> None:
    """Fit the network's head to its features of the training part, by ridge regression; or its counts.

    Classes are targets of -1 and 1, one against the rest; the scale of the logits is the likeliest one.
    """
    network.eval()
    with seeded(derive(seed, "solve")):
        if network.entry.fitted == "ridge":
            _solve_head(network, task, train, left_out_together(task, train))
        elif network.entry.fitted == "count":
            network.backbone.count(sequences(train))
        elif network.entry.fitted == "windows":
            _fit_windows(network, cast(Forecast, task), train)
        else:
            _fit_answer(network, task, train, seed)


@torch.no_grad()
def out_of_fold(
    network: Network, task: Task, train: Prepared, chosen: Int[np.ndarray, " n"], *, seed: int = 0
) -> Tensor:
    """Fit the network to all examples; return outputs (n, *task.output_shape), each without its own fold.

    chosen  the fold of each example
    A ridge needs no second fit for it: errors of rows left out are exact, but for statistics of the inputs.
    """
    network.eval()
    if network.entry.fitted == "ridge":
        with seeded(derive(seed, "solve")):
            return _solve_head(network, task, train, chosen)
    blank, output = deepcopy(network), torch.zeros(len(train), *task.output_shape)
    for fold in np.unique(chosen):
        part, rows = deepcopy(blank), np.flatnonzero(chosen == fold)
        solve(part, task, train.subset(np.flatnonzero(chosen != fold)), seed=seed)
        output[rows] = answer(part, train.subset(rows))[0].to(output)
    solve(network, task, train, seed=seed)
    return output


def _solve_head(network: Network, task: Task, train: Prepared, together: np.ndarray | None) -> Tensor:
    """Fit the head; return what it answers to rows left out."""
    head = _head(network)
    _prepare(network, train)
    head.weight.zero_()
    head.bias.zero_()
    features, offsets, units, y = _features(network, train)
    targets = (task.ridge_targets(y) - offsets.double()) / units
    ridge = fit_ridge(features, targets.flatten(1), together)
    weight, bias, output = ridge.weight, ridge.bias, targets - ridge.left_out.view_as(targets)
    scale, shift = task.ridge_adjustment(output, ridge.left_out.view_as(targets), y)
    weight, bias, output = (
        scale * weight,
        (scale * bias.view(task.output_shape) + shift),
        scale * output + shift,
    )
    head.weight.copy_(weight)
    head.bias.copy_(bias.flatten())
    return (output * units + offsets).float()


def _fit_answer(network: Network, task: Task, train: Prepared, seed: int) -> None:
    """Let a model that answers the task itself see every example at once, and what its answers would cost."""
    batch = train.batch(np.arange(len(train)))
    assert batch.y is not None
    y = batch.y
    if hasattr(network.backbone, "spell"):
        network.backbone.spell(cast(Any, train.preprocessing).vocabulary, NUM_RESERVED)
    network.backbone.fit(
        *network.read(batch.x, batch.lengths),
        task.fit_targets(y),
        lambda output, rows: task.loss(output, y[rows]).item(),
        folds(task, train, seed=seed),
    )


def _fit_windows(network: Network, task: Forecast, train: Prepared) -> None:
    """Show a model that forecasts as many windows as memory allows; spread its quantiles by its errors."""
    size = len(task.channels) * (task.lookback + task.horizon)
    count = max(1, min(len(train), MOST_VALUES // size))
    batch = train.batch(np.linspace(0, len(train) - 1, count).round().astype(np.int64))
    assert batch.y is not None
    x, units = task.rescaled(batch.x, None)
    x, y = network.read(x, None)[0], task.standardise(batch.y)
    y = y if units is None else (y - units.zero) / units.one
    network.backbone.fit_windows(x[..., list(task.channels)], y)
    if task.quantiles:
        spread = cast(Any, network.head).spread.zero_()
        output, y = answer(network, train)
        assert y is not None
        targets = task.ridge_targets(y)
        shift = torch.as_tensor(task.ridge_adjustment(output, targets - output, y)[1])
        spread += shift.mean(1, keepdim=True)


def _head(network: Network) -> nn.Linear:
    assert isinstance(network.head, nn.Linear), f"{network.entry.name} has no linear head to solve"
    return network.head


def _prepare(network: Network, train: Prepared) -> None:
    """Let a model that wants to look at training inputs first do so."""
    if network.entry.prepares:
        rows = np.linspace(0, len(train) - 1, min(len(train), PREPARED_ROWS)).astype(np.int64)
        device = _head(network).weight.device
        network.backbone.prepare(*network.read(*on(device, train.batch(rows))))


def _features(network: Network, train: Prepared) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, what the network answers without them, units of the head, and truth, all on the CPU."""
    head, features, offsets, units, y = _head(network), [], [], [], []
    # What reaches the head in one pass: features may cost much more than the head.
    hook = head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0].cpu()))
    for batch in in_order(train):
        x, lengths = on(head.weight.device, batch)
        offsets.append(network(x, lengths).cpu())
        units.append(_units(network, x, lengths).cpu())
        y.append(batch.y)
    hook.remove()
    return torch.cat(features), torch.cat(offsets), torch.cat(units), torch.cat(y)


def _units(network: Network, x: Tensor, lengths: Tensor | None) -> Tensor:
    """What an output of 1 stands for, in double precision; broadcasts to the outputs."""
    units = network.task.rescaled(x, lengths)[1]
    ones = torch.ones(len(x), *[1] * len(network.task.output_shape), dtype=torch.float64)
    return ones if units is None else units.one.double()
