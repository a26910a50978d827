"""Running a network over prepared examples, in their order."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Batch
from bicameral.tasks.continuing import answer_steps
from bicameral.tasks.network import Network

ROWS = 256  # examples at once


def in_order(prepared: Prepared, rows: int = ROWS) -> Iterator[Batch]:
    """Every example once, unshuffled."""
    for start in range(0, len(prepared), rows):
        yield prepared.batch(np.arange(start, min(start + rows, len(prepared))))


def on(device: torch.device, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Inputs and lengths of a batch, on the device."""
    lengths = None if batch.lengths is None else batch.lengths.to(device, non_blocking=True)
    return batch.x.to(device, non_blocking=True), lengths


def some_weight(network: nn.Module) -> Tensor:
    """Return a parameter or buffer, which knows device and type; an empty tensor where there is none."""
    return next(chain(network.parameters(), network.buffers()), torch.empty(0))


def answer(network: nn.Module, prepared: Prepared, rows: int = ROWS) -> tuple[Tensor, Tensor | None]:
    """Outputs, float32 or wider on the CPU, and targets; leaves the network in the mode it was in.

    Of a task that asks at every step, what the task keeps of the outputs.
    """
    was_training = network.training
    network.eval()
    with torch.no_grad():
        found = answer_steps if isinstance(network, Network) and network.task.per_step else answer_examples
        output, y = found(network, prepared, rows)
    network.train(was_training)
    return output.cpu(), y


def answer_examples(network: nn.Module, prepared: Prepared, rows: int) -> tuple[Tensor, Tensor | None]:
    """Outputs of whole examples, and targets."""
    weight = some_weight(network)
    outputs, targets = [], []
    for batch in in_order(prepared, rows):
        x, lengths = on(weight.device, batch)
        output = network(x.to(weight.dtype) if x.is_floating_point() else x, lengths)
        outputs.append(output if output.dtype == torch.float64 else output.float())
        targets.append(batch.y)
    return torch.cat(outputs), None if targets[0] is None else torch.cat(targets)
