"""One model on one's own data: split, train, judge on the test part, save."""

import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bicameral import registry
from bicameral.artifact import Artifact, refuse_other_files
from bicameral.data.audit import audit
from bicameral.data.audit.gate import raise_on_failure
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.data.split.splits import Split, split
from bicameral.errors import BicameralError, ConfigError
from bicameral.problems.options import split_options
from bicameral.problems.problem import Draw, Problem
from bicameral.tasks.network import Network
from bicameral.training.budgets import Budget, training_budget
from bicameral.training.cost import flops, parameters, seconds_per_epoch
from bicameral.training.distributed import best_device, is_first
from bicameral.training.history import History
from bicameral.training.learn import is_iterated, learn
from bicameral.training.recipe import Recipe, recipe_from_dict
from bicameral.training.seeding import seeded

TOO_SHORT = "not every example was seen once; give a longer budget, a smaller size or another model"


def train(
    source: Any,
    model: str,
    *,
    folder: str | Path,
    budget: str | float = "60s",
    seed: int = 0,
    size: str | None = None,
    validate: bool = True,
    overrides: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    override_audit: bool = False,
    progress: bool = True,
    dry_run: bool = False,
) -> Any:
    """Train `model` on the training part of `source` and save it, with its test metrics in its card.

    budget        "90s", "10min", "400steps" or "12epochs"
    validate      keep part of the training part back to choose the best weights; else the last are kept
    size          one of the model's sizes; `overrides` change single fields of its config
    override_audit  train although the audit of the data failed; the card says so
    data_options  of `read` and of the task (metric, horizon, lookback, ...)
    dry_run       return what the training would cost instead of doing it
    Killed or interrupted, the same call goes on from the last checkpoint. Of several processes started by
    torchrun, all return the trained weights and the first alone judges and saves them.
    """
    task_options, reading = split_options(data_options or {})
    dataset = source if isinstance(source, Dataset) else read(source, **reading)
    problem = Problem(dataset, task_options=task_options, seed=seed, missing=reading.get("missing"))
    parts = split(problem.dataset, seed=seed)
    if not validate:
        parts = replace(parts, train=np.sort(np.concatenate([parts.train, parts.val])))
    draw = problem.prepare(parts.train, parts.val, parts.test)
    with seeded(seed):
        network = Network(draw.preprocessing.layout, draw.task, model, _fields(model, size, overrides or {}))
    network = network.to(best_device())
    chosen, length = recipe_from_dict({"batch_size": 64, **(recipe or {})}), training_budget(budget)
    if dry_run:
        return {"split": _counts(parts, validate), **forecast_cost(network, draw, chosen, length)}
    refuse_other_files(Path(folder))
    with _tidy(_checkpoints(Path(folder))):
        audited = _audit(problem, parts, override=override_audit)
        _checkpoints(Path(folder)).mkdir(parents=True, exist_ok=True)  # fails before training, not after it
        history = _train(network, draw, chosen, length, seed, Path(folder), progress, validate)
    facts = {**problem.origin, "audit": audited}
    artifact = Artifact(network.eval(), draw.preprocessing, draw.task, facts)
    if is_first():
        artifact.card |= _facts(artifact, problem.dataset, parts, history, validate)
        artifact.save_pretrained(folder)
        shutil.rmtree(_checkpoints(Path(folder)), ignore_errors=True)
    return artifact


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
    }


def _audit(problem: Problem, parts: Split, *, override: bool) -> str:
    """Look at the data and this split before training; what was found, in a line."""
    names = None if problem.is_cut else problem.named(parts.train, parts.test)
    found = audit(problem.raw, split=names, quick=True)
    raise_on_failure(found.to_dict(), override=override)
    failed = ", ".join(finding.check for finding in found.at("FAIL"))
    counts = f"{len(found.at('PASS'))} checks passed, {len(found.at('WARN'))} warn"
    return counts + (f", overridden: {failed}" if failed else "")


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
def _tidy(folder: Path) -> Iterator[None]:
    """Leave no empty folder where nothing was written into it."""
    try:
        yield
    except (BicameralError, OSError, KeyboardInterrupt):
        with suppress(OSError):
            folder.rmdir()
        raise


def _checkpoints(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-checkpoint")


def _facts(
    artifact: Artifact, dataset: Dataset, parts: Split, history: History, validate: bool
) -> dict[str, Any]:
    rows = _rows(parts, validate)
    # Where training had no time to look at the validation part, neither has this.
    skipped = {"train"} if history.val or not history.steps else {"train", "val"}
    judged = {name: artifact.evaluate(dataset, rows[name]) for name in rows if name not in skipped}
    return {
        "split": _counts(parts, validate),
        **{
            f"{part} {name}": round(value, 6)
            for part, found in judged.items()
            for name, value in found.items()
        },
        "steps": history.steps,
        "seconds": round(history.seconds, 2),
        "stopped by": history.stopped_by or "solved at once",
        **({"too short": TOO_SHORT} if 0 < history.epochs < 1 and history.stopped_by == "budget" else {}),
    }


def _rows(parts: Split, validate: bool) -> dict[str, np.ndarray]:
    return {"train": parts.train, **({"val": parts.val} if validate else {}), "test": parts.test}


def _counts(parts: Split, validate: bool) -> str:
    return f"{parts.how}: " + ", ".join(
        f"{len(rows)} {name}" for name, rows in _rows(parts, validate).items()
    )
