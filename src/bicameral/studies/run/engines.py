"""Where trials run: one after the other in this process, or on many machines through Ray."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import torch

from bicameral.errors import ConfigError, MissingExtraError, StudyError, nearest
from bicameral.problems.problem import Problem
from bicameral.studies.record.outcomes import OUTCOMES
from bicameral.studies.run.trial import Place, Trial, failure, run_trial

Record = Mapping[str, Any]
ARTIFACT = "artifact"
Places = Callable[[Trial], Place]


@runtime_checkable
class Engine(Protocol):
    """Runs trials that do not depend on each other and gives each record as it is done."""

    def run(self, problem: Problem, trials: Sequence[Trial], place: Places) -> Iterator[Record]:
        """Yield one record a trial, in any order."""
        ...


class Local:
    """One trial at a time, in this process: no trial disturbs the timing of another."""

    def run(self, problem: Problem, trials: Sequence[Trial], place: Places) -> Iterator[Record]:
        """Yield the records in the order of the trials."""
        for trial in trials:
            yield run_trial(problem, trial, place(trial))


class Ray:
    """Trials as Ray tasks; data travel to the machines and artifacts back, so no folder need be shared."""

    def __init__(self):
        try:
            import ray  # pyright: ignore[reportMissingImports]  an extra
        except ImportError as error:
            raise MissingExtraError("ray", "cluster", "a comparison over many machines") from error
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not ray.is_initialized():
            ray.init(log_to_driver=False, include_dashboard=False)
        self.ray, self.share = ray, lru_cache(maxsize=1)(self._share)

    def run(self, problem: Problem, trials: Sequence[Trial], place: Places) -> Iterator[Record]:
        """Yield each record as its machine returns it; a machine lost twice is a trial that failed."""
        threads, shared = torch.get_num_threads(), [self.share(problem)]
        gpus = int(any(trial.device != "cpu" for trial in trials))
        remote = self.ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=1)(_run_apart)
        running = {remote.remote(shared, trial, place(trial), threads): trial for trial in trials}
        try:
            while running:
                (task,), _ = self.ray.wait(list(running))
                trial = running.pop(task)
                yield self._collect(task, trial, place(trial))
        finally:
            for task in running:
                self.ray.cancel(task)

    def _share(self, problem: Problem) -> Any:
        for _ in problem.raw.items:  # decoded here, where the files are
            pass
        return self.ray.put((problem.raw, problem.recreate))

    def _collect(self, task: Any, trial: Trial, place: Place) -> Record:
        try:
            record, files = self.ray.get(task)
        except self.ray.exceptions.RayTaskError as error:  # not the trial's fault, which it records itself
            raise StudyError(
                f"a machine of the cluster cannot run trials: {error.cause}; "
                "install the same versions of bicameral and torch on all of them"
            ) from error
        except self.ray.exceptions.RayError as error:
            return {**asdict(trial), **failure(error), "wall_seconds": 0.0}
        for name, content in files.items():
            path = _home(place, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return record


def engine(name: str) -> Engine:
    """Return the engine called "local" or "ray"."""
    engines = {"local": Local, "ray": Ray}
    if name not in engines:
        raise ConfigError(f"no engine called {name!r}{nearest(name, engines)}")
    return engines[name]()


def _run_apart(
    shared: Sequence[Any], trial: Trial, place: Place, threads: int
) -> tuple[Record, dict[str, bytes]]:
    """The record of a trial and the files of its artifact and outcomes; runs on another machine."""
    torch.set_num_threads(threads)
    with TemporaryDirectory() as draft:
        here = Place(
            artifact=place.artifact and Path(draft, ARTIFACT),
            outcomes=place.outcomes and Path(draft, OUTCOMES, place.outcomes.name),
        )
        record = run_trial(_problem(shared[0]), trial, here)
        files = [path for path in Path(draft).rglob("*") if path.is_file()]
        return record, {path.relative_to(draft).as_posix(): path.read_bytes() for path in files}


def _home(place: Place, name: str) -> Path:
    """Where a file that came from another machine belongs."""
    part, _, rest = name.partition("/")
    home = place.artifact if part == ARTIFACT else place.outcomes and place.outcomes.parent
    assert home is not None, "no file comes that was not asked for"
    return home / rest


@lru_cache(maxsize=1)
def _problem(shared: Any) -> Problem:
    """Keep the problem for the next trial of this process."""
    import ray  # pyright: ignore[reportMissingImports]

    raw, recreate = ray.get(shared)
    return Problem(raw, **recreate)
