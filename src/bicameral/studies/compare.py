"""Which architecture does this data reward? Audit, probe, compare, judge, measure, report."""

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from bicameral import registry
from bicameral.artifact import write_json
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.errors import ConfigError, nearest
from bicameral.progress import Bar, progress_bar
from bicameral.studies import stages, timing, tune
from bicameral.studies.engines import engine
from bicameral.studies.plan import Plan, digest, parse_budget
from bicameral.studies.problem import Problem, split_options, task_for
from bicameral.studies.recommend import candidates
from bicameral.studies.report import write_report
from bicameral.studies.study import RESULTS, Study, jsonable, next_folder, open_folder, read_plan
from bicameral.studies.summary import leading, summarise
from bicameral.tasks import Task
from bicameral.training.distributed import best_device

ROPE_SHARE = 0.01  # of the spread of the target, where a metric is in the units of the data


def compare(
    source: Any,
    *,
    name: str | None = None,
    folder: str | Path = "runs",
    budget: str | float = "10min",
    families: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    replicates: int = 6,
    settings: int = 6,
    seed: int = 0,
    rope: float | None = None,
    recipe: Mapping[str, Any] | None = None,
    limits: Mapping[str, float] | None = None,
    probe_seconds: float | None = None,
    override_audit: bool = False,
    threads: int = 1,
    device: str = "auto",
    on: str = "local",
    dry_run: bool = False,
    command: str = "",
    **options: Any,
) -> Any:
    """Compare families on `source` (a path, arrays (X, y) or a Dataset) and return the finished study.

    folder   where studies are kept, each in a folder of its own
    budget   of the whole comparison: "90s", "10min", "1.5h"; or "400steps" a trial, the same on every machine
    families, models  what to compare; by default the menu for this kind of data, always with baselines
    rope     smallest difference of the metric worth caring about; by default one point, or 1 % of a spread
    device   "cpu", "cuda", or "auto" for a GPU where there is one
    on       "local", or "ray" for many machines
    dry_run  return what the study would do and cost instead of doing it
    options  of the task (metric, horizon, lookback, ...) and of `read`
    """
    task_options, options = split_options(options)
    dataset = source if isinstance(source, Dataset) else read(source, **options)
    roles = _roles(dataset, models, families)
    fields = {
        "source": str(source) if isinstance(source, str | Path) else dataset.name,
        "data_options": options,
        "data_digest": data_digest(dataset),
        "task_options": task_options,
        "models": tuple(roles),
        "roles": roles,
        "replicates": replicates,
        "settings": settings,
        "seed": seed,
        "recipe": dict(recipe or {}),
        "limits": dict(limits or {}),
        "probe_seconds": probe_seconds,
        "override_audit": override_audit,
        "leave_out_slow": models is None,
        "threads": threads,
        "device": best_device().type if device == "auto" else device,
        **parse_budget(budget),
    }
    plan = _with_metric(dataset, jsonable(fields) | {"models": tuple(roles)}, rope)
    if dry_run:
        return forecast_cost(plan, dataset)
    home, runner = Path(folder), engine(on)
    study = open_folder(next_folder(home) if name is None else home / name, plan)
    return run(Study(study, plan, dataset, runner, command))


def resume(folder: str | Path, *, on: str = "local", dataset: Dataset | None = None) -> Study:
    """Go on with a study that was interrupted; at most the running trial is lost."""
    folder = Path(folder)
    plan = read_plan(folder)
    dataset = read(plan.source, **plan.data_options) if dataset is None else dataset
    if data_digest(dataset) != plan.data_digest:
        raise ConfigError(f"the data at {plan.source} is not what the plan was frozen on; start a new study")
    return run(Study(folder, plan, dataset, engine(on)))


def run(study: Study) -> Study:
    """Run the stages that the ledger does not have yet, then write results and report."""
    threads = torch.get_num_threads()
    torch.set_num_threads(study.plan.threads)
    try:
        _describe(study)
        stages.audit_data(study)
        stages.probe_data(study)
        timing.calibrate(study)
        timing.schedule(study)
        with progress_bar("compare", timing.num_trials(study)) as watch:
            _run_trials(study, watch)
        _conclude(study)
    finally:
        torch.set_num_threads(threads)
    return study


def _run_trials(study: Study, watch: Bar) -> None:
    chosen = stages.tune_models(study, watch)
    stages.replicate_models(study, chosen, watch)
    winner, baseline = leading(study.plan, study.ledger)
    stages.open_test(study, chosen, [name for name in (winner, baseline) if name], watch)


def _conclude(study: Study) -> None:
    winner, baseline = leading(study.plan, study.ledger)
    stages.measure_artifacts(study)
    stages.look_at_mistakes(study, winner)
    for role, name in (("best", winner), ("baseline", baseline)):
        final = study.folder / "artifacts" / f"final-{name}"
        if final.is_dir():
            shutil.copytree(final, study.folder / role, dirs_exist_ok=True)
    study.close()
    results = jsonable(summarise(study.plan, study.ledger, question(study.plan, study.problem)))
    write_json(study.folder / RESULTS, results)
    write_report(results, study.folder)


def question(plan: Plan, problem: Problem) -> dict[str, Any]:
    """What was asked, as the report says it."""
    task = _task(problem)
    percent = task.headline.percent
    return {
        "data": problem.raw.name,
        "kind": problem.raw.kind,
        "task": task.name,
        "metric": plan.metric,
        "unit": "%" if percent else "",
        "scale": 100 if percent else 1,
        "higher_is_better": task.headline.higher_is_better,
        "rope": plan.rope,
        "budget_seconds": plan.budget_seconds,
        "trial_steps": plan.trial_steps,
        "device": plan.device,
        "limits": dict(plan.limits),
    }


def forecast_cost(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    """What a study would run, and how long, without running it."""
    problem = Problem(
        dataset, task_options=plan.task_options, seed=plan.seed, test_fraction=plan.test_fraction
    )
    iterated = [name for name in plan.models if not registry.entry(name).closed_form]
    trials = sum(tune.survivors(plan.settings)) * len(iterated) + plan.replicates * len(plan.models) + 2
    return {
        "plan": plan.to_dict(),
        "digest": plan.digest(),
        "num_examples": len(problem.dataset),
        "sealed_test_examples": len(problem.test),
        "models": {name: plan.roles[name] for name in plan.models},
        "trials": trials,
        "seconds": plan.budget_seconds,
    }


def data_digest(dataset: Dataset) -> str:
    """Hash of what the data is: its names, sizes and targets, not its path."""
    targets = hashlib.sha256()
    if isinstance(dataset.targets, np.ndarray):
        targets.update(np.ascontiguousarray(dataset.targets).tobytes())
    facts = {name: jsonable(values) for name, values in dataset.properties.items() if name != "modified"}
    return digest([dataset.kind, list(dataset.ids), list(dataset.classes), targets.hexdigest(), facts])


def _roles(dataset: Dataset, models: Sequence[str] | None, families: Sequence[str] | None) -> dict[str, str]:
    """Model -> role, from the menu for this kind of data or from the user's list."""
    roles = {"baseline": "baseline", "control": "control"}
    names = candidates(dataset) if models is None else list(models)
    for family in families or ():
        if family not in get_args(registry.Family):
            raise ConfigError(f"no family called {family!r}{nearest(family, get_args(registry.Family))}")
    if families:
        kept = {*families, *roles}
        names = [name for name in names if registry.entry(name).family in kept]
    if len(set(names)) < 2:
        raise ConfigError(f"a comparison needs at least two models, not {', '.join(names) or 'none'}")
    return {name: roles.get(registry.entry(name).family, "candidate") for name in dict.fromkeys(names)}


def _with_metric(dataset: Dataset, fields: dict[str, Any], rope: float | None) -> Plan:
    """Freeze the plan once the task has said what its metric is and what difference of it matters."""
    draft = Plan(**fields)
    problem = Problem(
        dataset, task_options=draft.task_options, seed=draft.seed, test_fraction=draft.test_fraction
    )
    task = _task(problem)
    if rope is None:
        raw = task.name == "regress" and task.metric in ("mae", "rmse")
        rope = ROPE_SHARE * float(np.std(dataset.targets)) if raw else task.headline.rope
    return Plan(**{**fields, "metric": task.metric, "rope": rope})


def _task(problem: Problem) -> Task:
    draw = problem.draw(0)
    return task_for(problem.dataset, draw.train.index.numpy(), draw.preprocessing, problem.options)


def _describe(study: Study) -> None:
    """Book what the data is: counts, balance, lengths, parts."""
    if study.known("data") is None:
        problem = study.problem
        with study.fact("data") as fact:
            started = time.perf_counter()
            draw = problem.draw(0)
            fact["draw_seconds"] = time.perf_counter() - started
            parts = {
                "train": draw.train.index.numpy(),
                "val": draw.val.index.numpy(),
                "judged": draw.judged.index.numpy(),
                "test": problem.test,
            }
            fact.update(
                num_examples=len(problem.dataset),
                num_faults=len(problem.dataset.faults),
                classes=_class_counts(problem.dataset, parts),
                lengths=_lengths(problem.dataset),
                split={name: len(rows) for name, rows in parts.items()}
                | {"unit": _unit(problem), "published": problem.raw.split is not None},
            )


def _class_counts(dataset: Dataset, parts: Mapping[str, np.ndarray]) -> list[dict[str, Any]] | None:
    if not dataset.classes or np.ndim(dataset.targets) != 1:
        return None
    counts = {
        name: np.bincount(dataset.targets[rows], minlength=len(dataset.classes))
        for name, rows in parts.items()
    }
    return [
        {"name": label} | {name: int(count[index]) for name, count in counts.items()}
        for index, label in enumerate(dataset.classes)
    ]


def _lengths(dataset: Dataset) -> dict[str, float] | None:
    if dataset.kind not in ("series", "text", "sound"):
        return None
    rows = np.random.default_rng(0).permutation(len(dataset))[:1000]
    lengths = [len(dataset.items[int(row)]) for row in rows]
    return {"min": min(lengths), "median": float(np.median(lengths)), "max": max(lengths)}


def _unit(problem: Problem) -> str:
    if problem.raw.targets is None:
        return "time"
    return "group" if problem.raw.groups is not None else "example"
