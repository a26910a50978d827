"""Where trials run: one after the other in this process, or on many machines through Ray."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bicameral.errors import ConfigError, MissingExtraError, nearest
from bicameral.studies.problem import Problem
from bicameral.studies.trial import Trial, run_trial

Record = Mapping[str, Any]
Place = Callable[[Trial], Path | None]  # the folder a trial's artifact goes to


@runtime_checkable
class Engine(Protocol):
    """Runs trials that do not depend on each other and gives each record as it is done."""

    def run(self, problem: Problem, trials: Sequence[Trial], place: Place) -> Iterator[Record]:
        """Yield one record a trial, in any order."""
        ...


class Local:
    """One trial at a time, in this process: no trial disturbs the timing of another."""

    def run(self, problem: Problem, trials: Sequence[Trial], place: Place) -> Iterator[Record]:
        """Yield the records in the order of the trials."""
        for trial in trials:
            yield run_trial(problem, trial, place(trial))


class Ray:
    """Trials as Ray tasks of one CPU each; the study folder must be one that every machine sees."""

    def __init__(self, address: str | None = None):
        try:
            import ray  # pyright: ignore[reportMissingImports]  an extra
        except ImportError as error:
            raise MissingExtraError("ray", "cluster", "a comparison over many machines") from error
        self.ray = ray
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, include_dashboard=False)

    def run(self, problem: Problem, trials: Sequence[Trial], place: Place) -> Iterator[Record]:
        """Yield each record as its machine returns it."""
        remote = self.ray.remote(num_cpus=1, max_retries=2)(_run_apart)
        shared = self.ray.put((problem.raw, problem.recreate))
        waiting = [remote.remote(shared, trial, place(trial)) for trial in trials]
        while waiting:
            done, waiting = self.ray.wait(waiting)
            yield self.ray.get(done[0])


def engine(name: str) -> Engine:
    """Return the engine called "local", "ray" or "ray://address"."""
    if name == "local":
        return Local()
    if name == "ray" or name.startswith("ray:"):
        return Ray(None if name == "ray" else name)
    raise ConfigError(f"no engine called {name!r}{nearest(name, ('local', 'ray'))}")


def _run_apart(shared: tuple[Any, Mapping[str, Any]], trial: Trial, folder: Path | None) -> dict[str, Any]:
    dataset, recreate = shared
    return run_trial(Problem(dataset, **recreate), trial, folder)
