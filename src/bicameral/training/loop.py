"""The one training loop."""

from contextlib import nullcontext
from pathlib import Path

from torch import nn

from bicameral.data.batches.prepared import Prepared
from bicameral.progress import progress_bar
from bicameral.tasks.task import Task
from bicameral.training.budgets import Budget
from bicameral.training.distributed import torchrun
from bicameral.training.history import History
from bicameral.training.interrupts import interruptible
from bicameral.training.recipe import Recipe
from bicameral.training.resuming import Checkpoints
from bicameral.training.seeding import derive, seeded
from bicameral.training.trainer import Trainer


def fit(
    network: nn.Module,
    task: Task,
    train: Prepared,
    val: Prepared | None,
    *,
    recipe: Recipe,
    budget: Budget,
    seed: int,
    folder: str | Path | None = None,
    checkpoint_every: float = 60.0,
    progress: str | None = None,
) -> History:
    """Train the network in place and leave its best weights in it, in evaluation mode.

    seed              order, augmentation and dropout; initial weights are the caller's, under `seeded`
    folder            keeps a checkpoint, from which a run of the same settings goes on exactly
    checkpoint_every  seconds between checkpoints; 0 for one after every step
    progress          label of a progress bar

    Ctrl-C and SIGTERM save, then raise KeyboardInterrupt.
    """
    with torchrun() as ranks, seeded(derive(seed, "dropout", ranks.rank)), interruptible() as interrupt:
        trainer = Trainer(network, task, train, val, recipe=recipe, budget=budget, seed=seed, ranks=ranks)
        try:
            checkpoints = Checkpoints(trainer, None if folder is None else Path(folder), checkpoint_every)
            checkpoints.restore()
            trainer.prepare()
            label = progress if ranks.rank == 0 else None
            with progress_bar(label, trainer.total) if label else nullcontext() as bar:
                shown = 0.0
                for _ in trainer.steps():
                    checkpoints.keep(interrupt)
                    if bar is not None:
                        bar.advance(trainer.amount - shown, _note(trainer.history))
                        shown = trainer.amount
            return trainer.finish()
        finally:
            trainer.release()


def _note(history: History) -> str:
    return "" if history.best_score is None else f"best {history.best_score:.4g}"
