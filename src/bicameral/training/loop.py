"""The one training loop."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from torch import nn

from bicameral.data.batches.prepared import Prepared
from bicameral.progress import Bar, progress_bar
from bicameral.tasks.task import Task
from bicameral.training.budgets import Budget
from bicameral.training.callbacks import Callback, Callbacks, EarlyStopping
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
    callbacks: Sequence[Callback] = (),
) -> History:
    """Train the network in place and leave its best weights in it, in evaluation mode.

    seed              order, augmentation and dropout; initial weights are the caller's, under `seeded`
    folder            keeps a checkpoint, from which a run of the same settings goes on exactly
    checkpoint_every  seconds between checkpoints; 0 for one after every step
    progress          label of a progress bar
    callbacks         called at the start, after steps and validations, and at the end

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
                hooks = Callbacks([*_usual(recipe, bar), *callbacks])
                hooks.on_start(trainer)
                for _ in trainer.steps():
                    hooks.on_step(trainer)
                    checkpoints.keep(interrupt)
            history = trainer.finish()
            hooks.on_end(trainer)
            return history
        finally:
            trainer.release()


class _Shown(Callback):
    """A progress bar that follows the budget."""

    def __init__(self, bar: Bar):
        self.bar, self.shown = bar, 0.0

    def on_step(self, trainer: Trainer) -> None:
        best = trainer.history.best_score
        self.bar.advance(trainer.amount - self.shown, "" if best is None else f"best {best:.4g}")
        self.shown = trainer.amount


def _usual(recipe: Recipe, bar: Bar | None) -> Iterator[Callback]:
    """Yield what every run has, before the caller's own."""
    if recipe.patience:
        yield EarlyStopping(recipe.patience)
    if bar is not None:
        yield _Shown(bar)
