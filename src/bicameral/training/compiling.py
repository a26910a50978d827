"""torch.compile where it pays."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Batch
from bicameral.nn.recurrent import Recurrent
from bicameral.training.budgets import Budget
from bicameral.training.recipe import Recipe

LONG = 600  # seconds of budget from which a compilation of about a minute is worth its while


def pays(recipe: Recipe, budget: Budget, network: nn.Module, device: torch.device) -> bool:
    """Whether to compile: as the recipe says, or for long runs of loopless networks on a GPU.

    On a CPU the recurrences are kernels already; what is left to gain is told in docs/decisions.md.
    """
    if recipe.compile != "auto":
        return bool(recipe.compile)
    # A loop over time is unrolled by the compiler, for minutes; nn.LSTM is a break in its graph.
    loops = any(isinstance(module, nn.RNNBase | Recurrent) for module in network.modules())
    return device.type == "cuda" and (budget.seconds or 0) >= LONG and not loops


def compiled(
    model: nn.Module, loss: Callable[[Callable[..., Tensor], Batch], Tensor], train: Prepared, rows: int
) -> Callable[..., Tensor]:
    """Return the compiled model, compiled now, forward and backward; weights and buffers stay as they are."""
    fast = torch.compile(model)
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    rows = min(rows, len(train))
    for count in (rows, max(1, rows - 1)):  # the second makes the number of rows a variable
        loss(fast, train.batch(torch.arange(count))).backward()
    model.zero_grad(set_to_none=True)
    for buffer, value in kept:
        buffer.copy_(value)
    return fast
