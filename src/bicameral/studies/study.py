"""A study on disk: runs/<name>/ with its plan, its ledger, its artifacts and its results."""

import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from bicameral import __version__
from bicameral.artifact import jsonable, write_json
from bicameral.errors import BicameralError, StudyError
from bicameral.progress import Bar
from bicameral.studies.engines import Engine
from bicameral.studies.ledger import Ledger
from bicameral.studies.lock import locked
from bicameral.studies.plan import Plan, plan_from_dict
from bicameral.studies.problem import Problem
from bicameral.studies.trial import Trial

PLAN, LEDGER, RESULTS = "plan.json", "ledger.jsonl", "results.json"


class Study:
    """One question, all its trials. Everything it knows is in `plan` and `ledger`."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        problem: Problem,
        engine: Engine,
        command: str = "",
        *,
        began: float | None = None,  # time.perf_counter() before the data were read
    ):
        self.folder, self.plan, self.problem, self.engine = folder, plan, problem, engine
        self.ledger = Ledger(folder / LEDGER)
        opened = time.perf_counter()
        self._started, self._booked = opened if began is None else began, self.spent()
        self.log(
            "session",
            str(len(self.ledger.all("session"))),
            {
                "plan": plan.digest(),
                "command": command,
                "wall_seconds": opened - self._started,
                **surroundings(plan.threads),
            },
        )

    @property
    def results(self) -> dict[str, Any]:
        """The results as they stand on disk."""
        return read_results(self.folder)

    def log(self, kind: str, key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write one line of the ledger."""
        return self.ledger.append(kind, key, jsonable(value))

    @contextmanager
    def fact(self, kind: str, key: str = "") -> Iterator[dict[str, Any]]:
        """Book a fact with the seconds it took; what the block puts into the mapping is written."""
        value: dict[str, Any] = {}
        started = time.perf_counter()
        yield value
        self.log(kind, key, {**value, "wall_seconds": time.perf_counter() - started})

    def known(self, kind: str, key: str = "") -> Mapping[str, Any] | None:
        """A line of the ledger, or None."""
        return self.ledger.find(kind, key)

    def need(self, kind: str, key: str = "") -> Mapping[str, Any]:
        """A line of the ledger that an earlier stage has written."""
        line = self.known(kind, key)
        assert line is not None, f"no {kind} {key} in the ledger"
        return line

    def close(self) -> None:
        """Book how long this session took, and how much of it no stage accounts for."""
        session = time.perf_counter() - self._started
        booked = self.spent() - self._booked
        seconds = {"session_seconds": session, "bookkeeping_seconds": session - booked}
        self.log("end", "", {"time": now(), **seconds})

    @property
    def models(self) -> list[str]:
        """The models of the plan, without those that the schedule left out as too slow."""
        return compared(self.plan, self.ledger)

    def spent(self) -> float:
        """Seconds booked so far, whichever session spent them."""
        return sum(line.get("wall_seconds", 0.0) for line in self.ledger.lines)

    def elapsed(self) -> float:
        """Seconds since the start, those of interrupted sessions as far as they were booked."""
        return self._booked + time.perf_counter() - self._started

    def run(self, trials: Sequence[Trial], watch: Bar) -> list[Mapping[str, Any]]:
        """Run the trials that the ledger does not know yet; return the records of all, in their order."""
        missing = [trial for trial in trials if self.known("trial", trial.key) is None]
        watch.advance(len(trials) - len(missing))
        for record in self.engine.run(self.problem, missing, self.place):
            self.log("trial", record["key"], record)
            watch.advance(note=record["key"])
        return [line for trial in trials if (line := self.known("trial", trial.key)) is not None]

    def place(self, trial: Trial) -> Path | None:
        """Folder of a trial's artifact: first replicates get measured, final ones shipped."""
        kept = trial.stage == "final" or (trial.stage == "replicate" and trial.replicate == 0)
        return self.folder / "artifacts" / trial.key.replace("/", "-") if kept else None


def compared(plan: Plan, ledger: Ledger) -> list[str]:
    """The models of a plan that its schedule could afford."""
    left_out = (ledger.find("schedule", "") or {}).get("left_out", ())
    return [name for name in plan.models if name not in left_out]


@contextmanager
def opened(folder: Path, plan: Plan) -> Iterator[Path]:
    """The folder of a study to begin or go on with; a mistake before the first trial leaves none behind."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        is_new &= not (folder / PLAN).exists()  # or somebody else has begun it since
        try:
            yield open_folder(folder, plan)
        except (BicameralError, OSError):
            if is_new and not Ledger(folder / LEDGER).all("trial"):
                shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def undamaged(folder: Path) -> Iterator[None]:
    """Say that the folder is damaged where what it holds cannot be made sense of."""
    try:
        yield
    except BicameralError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise StudyError(f"{folder} is damaged or of another version ({reason})") from error


def open_folder(folder: Path, plan: Plan) -> Path:
    """Freeze the plan in the study's folder; a folder with another plan is refused."""
    if (folder / PLAN).exists():
        frozen = read_plan(folder)
        if frozen.digest() != plan.digest():
            changed = [key for key, value in plan.to_dict().items() if frozen.to_dict()[key] != value]
            raise StudyError(
                f"{folder} holds another question (different: {', '.join(changed)}); choose another name"
            )
    else:
        write_json(folder / PLAN, plan.to_dict())
    return folder


def read_plan(folder: Path) -> Plan:
    """The frozen plan of a study folder."""
    return plan_from_dict(_read(folder, PLAN, "no study was begun there: run bicameral compare"))


def read_results(folder: Path) -> dict[str, Any]:
    """The results of a finished study folder."""
    return _read(folder, RESULTS, f"the study is not finished: run bicameral resume {folder}")


def next_folder(runs: Path) -> Path:
    """The next free numbered folder, runs/0001 upward."""
    taken = [int(path.name) for path in runs.glob("[0-9]*") if path.name.isdigit()]
    return runs / f"{max(taken, default=0) + 1:04d}"


def surroundings(threads: int) -> dict[str, Any]:
    """Hardware and versions, with the time."""
    return {
        "time": now(),
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": threads,
            "system": platform.platform(terse=True),
        },
        "versions": {
            "bicameral": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def now() -> str:
    """The time, as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _read(folder: Path, name: str, otherwise: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        raise StudyError(f"{folder} has no {name}; {otherwise}")
    with undamaged(folder):
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found}
