"""Training, whichever way a network asks for: solved at once, by gradient, or not at all."""

from pathlib import Path

from bicameral.data.batches.prepared import Prepared
from bicameral.tasks.network import Network
from bicameral.tasks.task import Task
from bicameral.training.budgets import Budget
from bicameral.training.closed_form import solve
from bicameral.training.history import History
from bicameral.training.loop import fit
from bicameral.training.recipe import Recipe


def learn(
    network: Network,
    task: Task,
    train: Prepared,
    val: Prepared | None,
    *,
    recipe: Recipe,
    budget: Budget,
    seed: int,
    folder: str | Path | None = None,
    progress: str | None = None,
) -> History:
    """Train the network in place, as `fit` does; a history of no steps says that nothing was iterated."""
    if is_iterated(network):
        settings = {"recipe": recipe, "budget": budget, "seed": seed, "folder": folder, "progress": progress}
        return fit(network, task, train, val, **settings)
    if network.entry.closed_form:
        solve(network, task, train, seed=seed)
    return History()


def is_iterated(network: Network) -> bool:
    """Whether the network is trained by gradient: not solved, and not a rule such as the last value."""
    trainable = any(parameter.requires_grad for parameter in network.parameters())
    return trainable and not network.entry.closed_form
