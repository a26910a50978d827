"""Loss and score of a network on a part of the data."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from bicameral.data.dataset import Batch
from bicameral.data.loader import Prepared
from bicameral.tasks.task import Task

ROWS = 256  # examples at once


def in_order(prepared: Prepared, rows: int = ROWS) -> Iterator[Batch]:
    """Every example once, unshuffled."""
    for start in range(0, len(prepared), rows):
        yield prepared.batch(np.arange(start, min(start + rows, len(prepared))))


def on(device: torch.device, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Inputs and lengths of a batch, on the device."""
    lengths = None if batch.lengths is None else batch.lengths.to(device, non_blocking=True)
    return batch.x.to(device, non_blocking=True), lengths


def evaluate(network: nn.Module, task: Task, prepared: Prepared) -> tuple[float, float]:
    """Loss and headline score, higher is better; leaves the network in the mode it was in."""
    device, was_training = next(network.parameters()).device, network.training
    network.eval()
    outputs, targets = [], []
    with torch.no_grad():
        for batch in in_order(prepared):
            outputs.append(network(*on(device, batch)).float())
            targets.append(batch.y)
    network.train(was_training)
    output, y = torch.cat(outputs).cpu(), torch.cat(targets)
    return task.loss(output, y).item(), task.score(output, y)
