"""Which architecture does this data reward? Audit, probe, compare, judge, measure, report."""

import inspect
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.disk import jsonable, write_json
from bicameral.errors import ConfigError, refuse_misspelt
from bicameral.problems.options import split_options
from bicameral.progress import progress_bar
from bicameral.studies.judge.summary import leading, shipped, summarise
from bicameral.studies.question import (
    folds_for,
    freeze,
    problem_of,
    question,
    roles_of,
    what_changed,
)
from bicameral.studies.record.folder import (
    RESULTS,
    file_hashes,
    next_folder,
    opened,
    read_plan,
    sweep_drafts,
)
from bicameral.studies.record.lock import locked
from bicameral.studies.record.plan import Plan
from bicameral.studies.report import write_report
from bicameral.studies.run import amendments, stages, timing
from bicameral.studies.run.description import describe_data
from bicameral.studies.run.engines import Engine, engine
from bicameral.studies.run.forecast import forecast_cost
from bicameral.studies.run.schedule import num_trials, schedule
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
    models: Sequence[Any] | None = None,
    replicates: int = 6,
    settings: int = 3,
    seed: int = 0,
    rope: float | None = None,
    recipe: Mapping[str, Any] | None = None,
    limits: Mapping[str, float] | None = None,
    probe_seconds: float | None = None,
    override_audit: bool | str | Sequence[str] = False,
    threads: int = 1,
    device: str = "auto",
    jobs: int | None = None,
    leave_out_slow: bool | None = None,
    on: str = "local",
    dry_run: bool = False,
    command: str = "",
    **options: Any,
) -> Any:
    """Compare families on `source` (a path, arrays (X, y) or a Dataset) and return the finished study.

    folder   where studies are kept, each in a folder of its own
    budget   of the whole comparison: "90s", "10min", "1.5h"; or "400steps" a trial, the same on every machine
    families, models  what to compare; by default the menu for this kind of data, with baselines. Names,
             one's own class or function `(shape, num_outputs) -> module`, or "file.py:Name"
    rope     smallest difference of the metric worth caring about; by default one point, or 1 % of a spread
    device   "cpu", "cuda", or "auto" for a GPU where there is one
    jobs     trials side by side, each in a process of its own; as many as there are cores if not given
    leave_out_slow  go on without models that the budget cannot train; by default unless `models` names them
    on       "local", or "ray" for many machines
    dry_run  time a few steps of each model and return what the study would do, cost and be able to show
    options  of the task (metric, horizon, lookback, ...) and of `read`
    """
    began = time.perf_counter() - (time.process_time() if command else 0.0)  # a command starts Python too
    task_options, options = _divided(options)
    dataset = source if isinstance(source, Dataset) else read(source, **options)
    same = {"replicates": replicates, "settings": settings, "seed": seed, "probe_seconds": probe_seconds}
    same |= {"folds": folds_for(replicates), "override_audit": override_audit, "threads": threads}
    fields = {
        "source": str(source) if isinstance(source, str | Path) else dataset.name,
        "data_options": options,
        "task_options": task_options,
        "roles": roles_of(dataset, models, families, task_options.get("task")),
        "recipe": recipe or {},
        "limits": limits or {},
        "leave_out_slow": models is None if leave_out_slow is None else leave_out_slow,
        "device": best_device().type if device == "auto" else device,
        **same,
        **parse_budget(budget),
    }
    plan, problem = freeze(dataset, fields, rope)
    home, runner = _home(Path(folder), name), _engine(plan, on, jobs)
    begin = partial(Study, plan=plan, problem=problem, engine=runner, command=command, began=began)
    return _foreseen(begin, plan) if dry_run else _compared(begin, plan, home)


def _divided(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide options of the task from those of `read`; what is nearly a keyword of `compare` is neither."""
    task, reading = split_options(options)
    for option in reading:
        refuse_misspelt(option, inspect.signature(compare).parameters)
    return task, reading


def _foreseen(begin: Callable[[Path], Study], plan: Plan) -> dict[str, Any]:
    with TemporaryDirectory() as nowhere, only_threads(plan.threads):
        return forecast_cost(begin(Path(nowhere)))


def _compared(begin: Callable[[Path], Study], plan: Plan, home: Path) -> Study:
    with opened(home, plan) as place:
        return run(begin(place))


def _engine(plan: Plan, on: str, jobs: int | None) -> Engine:
    return engine(on, jobs=jobs, threads=plan.threads, device=plan.device, own=plan.own)


def _home(runs: Path, name: Any) -> Path:
    if name is None:
        return next_folder(runs)
    if not str(name).strip() or Path(str(name)).name != str(name):
        raise ConfigError(f"name is {str(name)!r}; expected the name of one folder, such as digits")
    return runs / str(name)


def resume(
    folder: str | Path, *, jobs: int | None = None, on: str = "local", dataset: Dataset | None = None
) -> Study:
    """Go on with a study that was interrupted; at most the running trials are lost."""
    with _again(Path(folder), jobs, on, dataset) as study:
        return run(study)


def extend(
    folder: str | Path,
    budget: str,
    *,
    jobs: int | None = None,
    on: str = "local",
    dataset: Dataset | None = None,
) -> Study:
    """Add rounds to a study, an amendment of its plan that the ledger keeps.

    budget  "+10min" for a study whose budget is in time; "+6rounds" for one whose budget is in steps
    """
    with _again(Path(folder), jobs, on, dataset) as study:
        amendments.amend(study, budget)
        return run(study)


@contextmanager
def _again(folder: Path, jobs: int | None, on: str, dataset: Dataset | None) -> Iterator[Study]:
    """Open a study that exists, in whose folder nobody else may work meanwhile."""
    plan = read_plan(folder)
    dataset = read(plan.source, **plan.data_options) if dataset is None else dataset
    if changed := what_changed(plan, dataset):
        raise ConfigError(changed)
    runner = _engine(plan, on, jobs)
    with locked(folder):
        sweep_drafts(folder)
        yield Study(folder, plan, problem_of(plan, dataset), runner)


def run(study: Study) -> Study:
    """Run the stages that the ledger does not have yet, then write results and report."""
    with only_threads(study.plan.threads), closing(study.engine):
        describe_data(study)
        stages.audit_data(study)
        stages.probe_data(study)
        timing.calibrate(study)
        schedule(study)
        with progress_bar("compare", num_trials(study)) as watch:
            stages.run_rounds(study, watch)
            stages.open_test(study, _leading(study), watch)
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


def _leading(study: Study) -> list[str]:
    """The best candidate and the best baseline."""
    return [name for name in leading(study.plan, study.ledger) if name]


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
