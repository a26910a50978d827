"""One model on one's own data: split, train, judge on the test part, save."""

import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from bicameral import registry
from bicameral.artifact import Artifact, refuse_other_files
from bicameral.data.audit.gate import Override
from bicameral.data.batches.prepared import Prepared
from bicameral.errors import BicameralError, ConfigError
from bicameral.problems.problem import Draw
from bicameral.tasks import own
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training.best import train_best
from bicameral.training.budgets import Budget, training_budget
from bicameral.training.card import course, provenance, too_short
from bicameral.training.cost import flops, parameters, seconds_per_epoch
from bicameral.training.distributed import best_device, is_first
from bicameral.training.history import History
from bicameral.training.learn import is_iterated, learn
from bicameral.training.prepare import Ready, audited, ready
from bicameral.training.recipe import Recipe, recipe_from_dict
from bicameral.training.seeding import seeded
from bicameral.training.yardstick import yardstick


def train(
    source: Any,
    model: Any = None,
    *,
    folder: str | Path,
    budget: str | float = "60s",
    seed: int = 0,
    size: str | None = None,
    validate: bool = True,
    blend: bool = True,
    overrides: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    override_audit: Override = False,
    progress: bool = True,
    dry_run: bool = False,
) -> Any:
    """Train `model` on the training part of `source` and save it, with its test metrics in its card.

    A model is a name, or one's own class or function `(shape, num_outputs) -> module`, or "file.py:Name".
    Without a model those that suit the data race within the budget, and the best is saved (`train_best`).

    budget        "90s", "10min", "400steps" or "12epochs"
    validate      keep part of the training part back to choose the best weights; else the last are kept
    blend         without a model: whether several may answer as one
    size          one of the model's sizes; `overrides` change single fields of its config
    override_audit  train although the audit failed: in every check, or those named, "duplicates,groups";
                    the card says so
    data_options  of `read` and of the task (metric, horizon, lookback, ...)
    dry_run       return what the training would cost instead of doing it
    Killed or interrupted, the same call goes on from the last checkpoint. Of several processes started by
    torchrun, all return the trained weights and the first alone judges and saves them.
    """
    settings = {"seed": seed, "recipe": recipe, "data_options": data_options, "progress": progress}
    settings |= {"override_audit": override_audit, "dry_run": dry_run, "budget": budget, "folder": folder}
    if model is None:
        _only_of_a_model(size=size, overrides=overrides, validate=not validate)
        return train_best(source, blend=blend, **settings)
    found = ready(source, data_options, seed=seed, validate=validate)
    model = own.enter(model, found.problem.raw.kind) if own.is_own(model) else model
    draw, length = found.draw, training_budget(budget)
    with seeded(seed):
        network = Network(draw.preprocessing.layout, draw.task, model, _fields(model, size, overrides or {}))
    if network.entry.source:
        own.check(network, draw.train.batch(np.arange(min(own.ROWS, len(draw.train)))))
    network = network.to(best_device())
    chosen = recipe_from_dict({"batch_size": 64, **(recipe or {})})
    if dry_run:
        return {"split": found.counts, **forecast_cost(network, draw, chosen, length)}
    refuse_other_files(Path(folder))
    with _removing_if_empty(_checkpoints(Path(folder))):
        facts = {**found.problem.origin, "audit": audited(found, override=override_audit)}
        _checkpoints(Path(folder)).mkdir(parents=True, exist_ok=True)  # fails before training, not after it
        history = _train(network, draw, chosen, length, seed, Path(folder), progress, validate)
    artifact = Artifact(network.eval(), draw.preprocessing, draw.task, facts)
    if is_first():
        artifact.card |= _facts(found, network, history, length) | provenance(chosen, seed, length)
        artifact.save_pretrained(folder)
        shutil.rmtree(_checkpoints(Path(folder)), ignore_errors=True)
    return artifact


def _only_of_a_model(**given: Any) -> None:
    """Refuse settings that mean nothing where several models race."""
    for name, value in given.items():
        if value:
            what = "no-validate" if name == "validate" else name
            raise ConfigError(f"{what} belongs to one model, and none was named; name it with --model")


def forecast_cost(network: Network, draw: Draw, recipe: Recipe, budget: Budget) -> dict[str, Any]:
    """What training would cost on this machine, by a short run of a copy."""
    steps_per_epoch = math.ceil(len(draw.train) / recipe.batch_size)
    epoch = seconds_per_epoch(network, draw.task, draw.train, recipe)
    facts = {
        "parameters": parameters(network),
        "FLOPs an example": flops(network.cpu(), draw.train.batch(np.arange(min(32, len(draw.train))))),
        "seconds an epoch": float(f"{epoch:.3g}"),
    }
    if not is_iterated(network):
        return facts | {"trained": "at once, in about one epoch"}
    total = budget.total(steps_per_epoch)
    steps = total if budget.seconds is None else total * steps_per_epoch / epoch
    epochs = steps / steps_per_epoch
    return facts | {
        "steps an epoch": steps_per_epoch,
        "steps": round(steps),
        "epochs": float(f"{epochs:.3g}"),
        "seconds": float(f"{epochs * epoch:.3g}"),
        **({"too short": said} if (said := too_short(epochs, of_seconds=budget.seconds is not None)) else {}),
    }


def _fields(model: str, size: str | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    sizes = registry.entry(model).sizes
    if size is not None and size not in sizes:
        raise ConfigError(f"{model} has no size {size!r}; choose from {', '.join(sizes)}")
    return {**(sizes[size] if size else {}), **overrides}


def _train(
    network: Network,
    draw: Draw,
    recipe: Recipe,
    budget: Budget,
    seed: int,
    folder: Path,
    progress: bool,
    validate: bool,
) -> History:
    history = learn(
        network,
        draw.task,
        draw.train,
        draw.val if validate else None,
        recipe=recipe,
        budget=budget,
        seed=seed,
        folder=_checkpoints(folder),
        progress=network.entry.name if progress else None,
    )
    if history.failed:
        shutil.rmtree(_checkpoints(folder), ignore_errors=True)
        raise ConfigError(f"training failed: {history.reason}")
    return history


@contextmanager
def _removing_if_empty(folder: Path) -> Iterator[None]:
    """Leave no empty folder where nothing was written into it."""
    try:
        yield
    except (BicameralError, OSError, KeyboardInterrupt):
        with suppress(OSError):
            folder.rmdir()
        raise


def _checkpoints(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-checkpoint")


def _facts(found: Ready, network: Network, history: History, budget: Budget) -> dict[str, Any]:
    # Where training had no time to look at the validation part, neither has this.
    looked = found.validate and (bool(history.val) or not history.steps)
    judged = {"val": found.draw.val} if looked else {}
    return {
        "split": found.counts,
        **{
            f"{part} {name}": round(value, 6)
            for part, examples in {**judged, "test": found.draw.judged}.items()
            for name, value in _metrics(network, examples).items()
        },
        **yardstick(found),
        **course(history, of_seconds=budget.seconds is not None),
    }


def _metrics(network: Network, examples: Prepared) -> dict[str, float]:
    output, y = answer(network, examples)
    assert y is not None
    return network.task.metrics(output.float(), y)
