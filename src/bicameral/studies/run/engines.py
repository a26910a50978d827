"""Where trials run: in this process, in workers beside it, or on many machines through Ray."""

import os
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import torch

from bicameral.errors import ConfigError, MissingExtraError, StudyError, nearest
from bicameral.problems.problem import Problem
from bicameral.studies.record.outcomes import OUTCOMES
from bicameral.studies.run.chain import Chain, Places, Record, advance
from bicameral.studies.run.cores import default_jobs
from bicameral.studies.run.trial import Place, Trial, failure, run_trial
from bicameral.studies.run.workers import FORKS, Workers

ARTIFACT = "artifact"


@runtime_checkable
class Engine(Protocol):
    """Runs chains of trials that do not depend on each other and gives each record as it is done."""

    jobs: int  # trials side by side

    def run(self, problem: Problem, chains: Sequence[Chain], place: Places) -> Iterator[Record]:
        """Yield one record a trial, in any order, and send it to its chain."""
        ...

    def close(self) -> None:
        """Let go of processes."""
        ...


class Local:
    """One trial at a time, in this process: no trial disturbs the timing of another."""

    jobs = 1

    def run(self, problem: Problem, chains: Sequence[Chain], place: Places) -> Iterator[Record]:
        """Yield the records in the order of the trials."""
        for chain in chains:
            trial = advance(chain)
            while trial is not None:
                record = run_trial(problem, trial, place(trial))
                yield record
                trial = advance(chain, record)

    def close(self) -> None:
        """Nothing was opened."""


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
        self.jobs = max(1, int(ray.cluster_resources().get("CPU", 1)) // torch.get_num_threads())

    def run(self, problem: Problem, chains: Sequence[Chain], place: Places) -> Iterator[Record]:
        """Yield each record as its machine returns it; a machine lost twice is a trial that failed."""
        threads, shared = torch.get_num_threads(), [self.share(problem)]
        run_one = self.ray.remote(num_cpus=threads, max_retries=1)(_run_apart)
        running: dict[Any, tuple[Chain, Trial]] = {}

        def ask(chain: Chain, trial: Trial | None) -> None:
            if trial is not None:
                remote = run_one.options(num_gpus=int(trial.device != "cpu"))
                running[remote.remote(shared, trial, place(trial), threads)] = (chain, trial)

        try:
            for chain in chains:
                ask(chain, advance(chain))
            while running:
                (task,), _ = self.ray.wait(list(running))
                chain, trial = running.pop(task)
                record = self._collect(task, trial, place(trial))
                yield record
                ask(chain, advance(chain, record))
        finally:
            for task in running:
                self.ray.cancel(task)

    def close(self) -> None:
        """The cluster is not ours to end."""

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
            return {**trial.to_dict(), **failure(error), "wall_seconds": 0.0}
        for name, content in files.items():
            path = _home(place, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return record


def engine(
    name: str, *, jobs: int | None = None, threads: int = 1, device: str = "cpu", own: Collection[str] = ()
) -> Engine:
    """Return the engine called "local" or "ray".

    jobs  local workers, by default as many as cores are allowed; a GPU is not shared
    own   names of a user's own networks, which are known to this process and to what is forked from it
    """
    if jobs is not None and (not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1):
        raise ConfigError(f"jobs is {jobs!r}; expected a number of processes of at least 1")
    if name == "ray" and own:
        raise ConfigError(f"{', '.join(own)} can be compared on this machine alone; leave out on=ray")
    if name == "ray":
        return Ray()
    if name != "local":
        raise ConfigError(f"no engine called {name!r}{nearest(name, ('local', 'ray'))}")
    if jobs is None:
        jobs = default_jobs(threads) if device == "cpu" else 1
    return Local() if jobs == 1 or (own and not FORKS) else Workers(jobs)


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
