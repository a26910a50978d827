"""Which architecture does this data reward? Audit, probe, compare, judge, measure, report."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.disk import jsonable, write_json
from bicameral.errors import ConfigError
from bicameral.problems.options import split_options
from bicameral.progress import Bar, progress_bar
from bicameral.studies.judge.summary import leading, shipped, summarise
from bicameral.studies.question import (
    folds_for,
    forecast_cost,
    freeze,
    problem_of,
    question,
    roles_of,
    what_changed,
)
from bicameral.studies.record.folder import RESULTS, file_hashes, next_folder, opened, read_plan
from bicameral.studies.record.lock import locked
from bicameral.studies.report import write_report
from bicameral.studies.run import stages, timing
from bicameral.studies.run.description import describe_data
from bicameral.studies.run.engines import engine
from bicameral.studies.run.study import Study
from bicameral.training.budgets import parse_budget
from bicameral.training.distributed import best_device


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
    began = time.perf_counter() - (time.process_time() if command else 0.0)  # a command starts Python too
    task_options, options = split_options(options)
    dataset = source if isinstance(source, Dataset) else read(source, **options)
    fields = {
        "source": str(source) if isinstance(source, str | Path) else dataset.name,
        "data_options": options,
        "task_options": task_options,
        "roles": roles_of(dataset, models, families, task_options.get("task")),
        "replicates": replicates,
        "folds": folds_for(replicates),
        "settings": settings,
        "seed": seed,
        "recipe": recipe or {},
        "limits": limits or {},
        "probe_seconds": probe_seconds,
        "override_audit": override_audit,
        "leave_out_slow": models is None,
        "threads": threads,
        "device": best_device().type if device == "auto" else device,
        **parse_budget(budget),
    }
    plan, problem = freeze(dataset, fields, rope)
    home, runner = _home(Path(folder), name), engine(on)
    if dry_run:
        return forecast_cost(plan, problem)
    with opened(home, plan) as place:
        return run(Study(place, plan, problem, runner, command, began=began))


def _home(runs: Path, name: Any) -> Path:
    if name is None:
        return next_folder(runs)
    if not str(name).strip() or Path(str(name)).name != str(name):
        raise ConfigError(f"name is {str(name)!r}; expected the name of one folder, such as digits")
    return runs / str(name)


def resume(folder: str | Path, *, on: str = "local", dataset: Dataset | None = None) -> Study:
    """Go on with a study that was interrupted; at most the running trial is lost."""
    folder = Path(folder)
    plan = read_plan(folder)
    dataset = read(plan.source, **plan.data_options) if dataset is None else dataset
    if changed := what_changed(plan, dataset):
        raise ConfigError(changed)
    with locked(folder):
        return run(Study(folder, plan, problem_of(plan, dataset), engine(on)))


def run(study: Study) -> Study:
    """Run the stages that the ledger does not have yet, then write results and report."""
    with only_threads(study.plan.threads):
        describe_data(study)
        stages.audit_data(study)
        stages.probe_data(study)
        timing.calibrate(study)
        timing.schedule(study)
        with progress_bar("compare", timing.num_trials(study)) as watch:
            _run_trials(study, watch)
        _conclude(study)
    return study


@contextmanager
def only_threads(number: int) -> Iterator[None]:
    """Keep PyTorch, BLAS and OpenMP to so many threads: a second one waiting for a busy core costs more."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number):
            yield
    finally:
        torch.set_num_threads(before)


def _run_trials(study: Study, watch: Bar) -> None:
    chosen = stages.tune_models(study, watch)
    stages.replicate_models(study, chosen, watch)
    winner, baseline = leading(study.plan, study.ledger)
    stages.open_test(study, chosen, [name for name in (winner, baseline) if name], watch)


def _conclude(study: Study) -> None:
    kept = shipped(study.plan, study.ledger)
    stages.measure_artifacts(study)
    stages.look_at_mistakes(study, kept["best"])
    for role, name in kept.items():
        final = study.folder / "artifacts" / f"final-{name}"
        if final.is_dir():
            shutil.copytree(final, study.folder / role, dirs_exist_ok=True)
    files = file_hashes(study.folder, tuple(kept))
    if (study.known("shipped") or {}).get("files") != files:
        study.log("shipped", "", {"files": files})
    study.close()
    results = jsonable(summarise(study.plan, study.ledger, question(study.plan, study.problem)).to_json())
    write_json(study.folder / RESULTS, results)
    write_report(results, study.folder)
