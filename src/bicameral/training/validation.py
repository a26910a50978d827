"""Loss and score of a network on a part of the data."""

from torch import nn

from bicameral.data.batches.prepared import Prepared
from bicameral.tasks.answering import answer
from bicameral.tasks.task import Task


def evaluate(network: nn.Module, task: Task, prepared: Prepared) -> tuple[float, float]:
    """Loss and headline score, higher is better; leaves the network in the mode it was in."""
    output, y = answer(network, prepared)
    assert y is not None
    return task.held_out_loss(output, y).item(), task.score(output, y)
