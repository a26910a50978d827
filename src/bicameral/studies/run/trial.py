"""One trained and measured run."""

import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from bicameral.artifact import Artifact
from bicameral.errors import ArtifactError, StudyError
from bicameral.problems.problem import Draw, Problem
from bicameral.studies.record.outcomes import Outcomes, rounded
from bicameral.studies.run.guessing import above_guessing
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training.budgets import Budget
from bicameral.training.cost import device_clock
from bicameral.training.history import History
from bicameral.training.learn import learn
from bicameral.training.recipe import recipe_from_dict

Stage = Literal["tune", "replicate", "final"]
FINAL = -1  # in the place of a replicate: the draw whose judged part is the sealed one


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is to be run. The same trial gives the same record on the same machine, times apart."""

    stage: Stage
    model: str
    size: str
    overrides: Mapping[str, Any] = field(default_factory=dict)  # fields of the model's config
    recipe: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0  # 0 for what is not trained by gradient
    replicate: int = 0
    setting: int = 0  # number in the design of its replicate
    rung: int = 0  # of tuning
    seed: int = 0
    device: str = "cpu"

    @property
    def key(self) -> str:
        """What the trial is called in the ledger."""
        tried = (self.rung, self.setting) if self.stage == "tune" else ()
        number = () if self.stage == "final" else (self.replicate,)
        return "/".join(map(str, (self.stage, self.model, *number, *tried)))

    def to_dict(self) -> dict[str, Any]:
        """JSON of the trial."""
        return {"key": self.key, **asdict(self)}


@dataclass(frozen=True)
class Place:
    """Where the files of a trial go, if anywhere."""

    artifact: Path | None = None  # a folder
    outcomes: Path | None = None  # a file


NOWHERE = Place()


def run_trial(problem: Problem, trial: Trial, place: Place = NOWHERE) -> dict[str, Any]:
    """Train and judge; a crash is recorded as a failure, never raised. Saves artifact and outcomes."""
    started = time.perf_counter()
    record: dict[str, Any] = {**trial.to_dict(), "status": "ok", "reason": ""}
    try:
        draw = problem.final_draw() if trial.replicate == FINAL else problem.draw(trial.replicate)
        prepared = time.perf_counter()
        network, costs = _train(draw, trial)
        part = "val" if trial.stage == "tune" else "judged"
        outcomes = _outcomes(problem, network, draw, part)
        record |= _scores(outcomes) | costs | {"prepare_seconds": prepared - started}
        record["above_guessing"] = above_guessing(outcomes, draw, part)
        if place.outcomes is not None:
            record["outcomes"] = outcomes.save(place.outcomes)
        if place.artifact is not None:
            artifact = Artifact(network, draw.preprocessing, draw.task, _card(problem, trial, record))
            artifact.save_pretrained(place.artifact)
    except (ArtifactError, StudyError):
        raise  # a full disk is no failure of the model; the study can go on later
    except Exception as error:
        record |= failure(error)
    return record | {"wall_seconds": time.perf_counter() - started}


def failure(error: Exception) -> dict[str, Any]:
    """What the record of a trial says of a crash."""
    found = "".join(traceback.format_exception(error, limit=-4))
    reason = f"{type(error).__name__}: {error}"
    return {"status": "failed", "reason": reason, "score": None, "traceback": found, "above_guessing": None}


def build(draw: Draw, trial: Trial) -> Network:
    """The network of a trial, initialised by its seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        network = Network(draw.preprocessing.layout, draw.task, trial.model, trial.overrides)
    return network.to(trial.device)


def _train(draw: Draw, trial: Trial) -> tuple[Network, dict[str, Any]]:
    network = build(draw, trial)
    started, wall = device_clock(trial.device), time.perf_counter()
    recipe, budget = recipe_from_dict(trial.recipe), Budget(steps=max(1, trial.steps))
    history = learn(network, draw.task, draw.train, draw.val, recipe=recipe, budget=budget, seed=trial.seed)
    seconds = {
        "train_seconds": device_clock(trial.device) - started,
        "train_wall_seconds": time.perf_counter() - wall,
    }
    if history.failed:
        raise ArithmeticError(history.reason)
    return network, _costs(network, history, seconds, draw)


def _outcomes(problem: Problem, network: Network, draw: Draw, part: str) -> Outcomes:
    asked = getattr(draw, part)
    output, y = answer(network, asked)
    assert y is not None
    rows = asked.index.numpy()
    kept = rounded(draw.task.statistics(output, y))
    return Outcomes(task=draw.task, rows=rows, units=problem.units[rows], statistics=kept)


def _scores(outcomes: Outcomes) -> dict[str, Any]:
    metrics = outcomes.metrics()
    return {"metrics": metrics, "score": outcomes.score(), "metric_value": metrics[outcomes.task.metric]}


def _costs(network: Network, history: History, seconds: Mapping[str, float], draw: Draw) -> dict[str, Any]:
    costs = {
        **seconds,
        "num_train": len(draw.train),
        "num_judged": len(draw.judged),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    return costs | ({"history": _thinned(history), "trained": _trained(history)} if history.steps else {})


def _trained(history: History) -> dict[str, Any]:
    """How far a network was trained, and whether its validation score was still rising at the end.

    `rose`: by how much the best score of the last quarter of the steps is above the best before.
    """
    scored = [(point.step, point.score) for point in history.val if point.score is not None]
    early = [score for step, score in scored if step <= 0.75 * history.steps]
    late = [score for step, score in scored if step > 0.75 * history.steps]
    return {
        "steps": history.steps,
        "epochs": history.epochs,
        "seconds": history.seconds,
        "best_is_last": bool(scored) and history.best_step == scored[-1][0],
        "rose": max(late) - max(early) if early and late else None,
    }


def _thinned(history: History, points: int = 20) -> dict[str, Any]:
    """The record of a run with a training curve short enough for a ledger of hundreds of runs."""
    record = history.to_dict()
    curve = record["train"]
    return record | {"train": curve[:: max(1, len(curve) // points)]}


def _card(problem: Problem, trial: Trial, record: Mapping[str, Any]) -> dict[str, Any]:
    facts = {key: record[key] for key in ("metrics", "num_train", "train_seconds")}
    return {**problem.origin, "trial": trial.key, "recipe": dict(trial.recipe), **facts}
