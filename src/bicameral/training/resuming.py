"""A run that is killed at any step and taken up again equals the run that never was."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from bicameral.data.contents import contents_digest
from bicameral.training import checkpoint, optimizers
from bicameral.training.distributed import scatter_like, whole
from bicameral.training.history import history_from_dict
from bicameral.training.interrupts import Interrupt
from bicameral.training.seeding import derive
from bicameral.training.trainer import Trainer


class Checkpoints:
    """Saves a trainer now and then; without a folder it only listens for interrupts."""

    def __init__(self, trainer: Trainer, folder: Path | None, every: float):
        self.trainer, self.folder, self.every = trainer, folder, every
        self.saved = perf_counter()
        self.run = {} if folder is None else _run_of(trainer)

    def restore(self) -> None:
        """Bring the trainer to where the folder's checkpoint left it."""
        found = None if self.folder is None else checkpoint.load(self.folder)
        if self.folder is None or found is None:
            return
        tensors, facts = found
        checkpoint.check_same_run(self.folder, facts["run"], self.run)
        _restore(self.trainer, tensors, facts)

    def keep(self, interrupt: Interrupt) -> None:
        """Save where it is time, the run is over, or somebody asked to stop."""
        trainer = self.trainer
        due = perf_counter() - self.saved >= self.every
        due, stop = trainer.ranks.from_first(due, interrupt.requested)
        if self.folder is not None and (due or stop or trainer.history.stopped_by):
            self._save(self.folder)
        if stop:
            kept = (
                f"run again to go on from {self.folder}"
                if self.folder
                else "nothing was kept: no folder was given"
            )
            raise KeyboardInterrupt(f"stopped after step {trainer.history.steps}; {kept}")

    def _save(self, folder: Path) -> None:
        trainer = self.trainer
        with trainer.clock.aside() as cost:
            tensors, facts = _captured(trainer)
            if trainer.ranks.rank == 0:
                checkpoint.save(folder, tensors, {"run": self.run, **facts})
        trainer.history.checkpoint_seconds += cost[0]
        self.saved = perf_counter()


def _run_of(trainer: Trainer) -> dict[str, Any]:
    """What must be the same for a checkpoint to belong to a run."""
    shapes = sorted((name, tuple(tensor.shape)) for name, tensor in trainer.tensors.items())
    run = {
        **asdict(trainer.recipe),
        "budget": asdict(trainer.budget),
        "seed": trainer.seed,
        "world": trainer.ranks.world,
        "number of training examples": len(trainer.train),
        "the training data": contents_digest(trainer.train.dataset, trainer.train.index),
        "network": f"{len(shapes)} tensors, {derive(0, shapes):x}",
    }
    return json.loads(json.dumps(run))


def _captured(trainer: Trainer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    state, numbers = optimizers.flatten(trainer.optimizer)
    mean = {} if trainer.average is None else trainer.average.mean
    parts = {"network": trainer.tensors, "mean": mean, "best": trainer.best, "optimizer": state}
    tensors = {
        f"{part}/{name}": whole(tensor) for part, named in parts.items() for name, tensor in named.items()
    }
    for name, generator in _generators(trainer).items():
        for rank, value in enumerate(trainer.ranks.gather(generator)):
            tensors[f"{name}/{rank}"] = value
    tensors["loss_sum"] = torch.tensor(trainer.ranks.total(trainer.loss_sum.item()))
    return tensors, {"history": trainer.history.to_dict(), "numbers": numbers}


def _restore(trainer: Trainer, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    with torch.no_grad():
        _fill(trainer.tensors, _part(tensors, "network"))
        if trainer.average is not None:
            _fill(trainer.average.mean, _part(tensors, "mean"))
        if trainer.ranks.rank == 0:
            trainer.loss_sum.fill_(tensors["loss_sum"])
    trainer.best = {
        name: scatter_like(trainer.tensors[name], tensor) for name, tensor in _part(tensors, "best").items()
    }
    optimizers.restore(trainer.optimizer, _part(tensors, "optimizer"), facts["numbers"])
    _set_generators(trainer, {name: tensors[f"{name}/{trainer.ranks.rank}"] for name in _generators(trainer)})
    trainer.history = history_from_dict(facts["history"])
    trainer.history.resumed += 1


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{part}/"): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{part}/")
    }


def _fill(targets: Mapping[str, Tensor], sources: Mapping[str, Tensor]) -> None:
    for name, target in targets.items():
        target.copy_(scatter_like(target, sources[name]))


def _generators(trainer: Trainer) -> dict[str, Tensor]:
    """State of everything that draws at random."""
    states = {"torch": torch.get_rng_state(), "augment": trainer.generator.get_state()}
    if trainer.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(trainer.device)
    return states


def _set_generators(trainer: Trainer, states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["torch"])
    trainer.generator.set_state(states["augment"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], trainer.device)
