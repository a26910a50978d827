"""A study on disk: runs/<name>/ with its plan, its ledger, its artifacts and its results."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bicameral.disk import jsonable
from bicameral.problems.problem import Problem
from bicameral.progress import Bar
from bicameral.studies.record.folder import LEDGER, compared, read_results
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.outcomes import OUTCOMES
from bicameral.studies.record.plan import Plan
from bicameral.studies.record.surroundings import now, surroundings
from bicameral.studies.run.engines import Engine
from bicameral.studies.run.trial import Place, Trial


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

    def place(self, trial: Trial) -> Place:
        """Where the files of a trial go: first replicates get measured, final ones shipped."""
        name = trial.key.replace("/", "-")
        judged = trial.stage != "tune"
        kept = trial.stage == "final" or (trial.stage == "replicate" and trial.replicate == 0)
        return Place(
            artifact=self.folder / "artifacts" / name if kept else None,
            outcomes=self.folder / OUTCOMES / f"{name}.npz" if judged else None,
        )
