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
from bicameral.studies.run.chain import Chain, advance
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
        opened, self._opened_at = time.perf_counter(), len(self.ledger.lines)
        self._started, self._before = opened if began is None else began, self._last_seen()
        self.log(
            "session",
            str(len(self.ledger.all("session"))),
            {
                "plan": plan.digest(),
                "command": command,
                "jobs": engine.jobs,
                "wall_seconds": opened - self._started,
                **surroundings(plan.threads),
            },
        )

    @property
    def results(self) -> dict[str, Any]:
        """The results as they stand on disk."""
        return read_results(self.folder)

    def log(self, kind: str, key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write one line of the ledger, with the seconds since the start."""
        return self.ledger.append(kind, key, jsonable({**value, "elapsed_seconds": self.elapsed()}))

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
        lines = self.ledger.lines[self._opened_at :]
        trials = sum(line["wall_seconds"] for line in lines if line["kind"] == "trial")
        stages = sum(line.get("wall_seconds", 0.0) for line in lines if line["kind"] != "trial")
        rest = max(0.0, session - stages - trials / self.jobs)
        self.log("end", "", {"time": now(), "session_seconds": session, "bookkeeping_seconds": rest})

    @property
    def models(self) -> list[str]:
        """The models of the plan, without those that the schedule left out as too slow."""
        return compared(self.plan, self.ledger)

    @property
    def jobs(self) -> int:
        """How many trials run side by side."""
        return self.engine.jobs

    def budget_end(self) -> float:
        """Seconds after its start at which the study is to end."""
        assert self.plan.budget_seconds is not None
        extended = self.ledger.all("extension")
        return extended[-1]["until_seconds"] if extended else self.plan.budget_seconds

    def rounds_asked(self) -> int:
        """Rounds of a study whose budget is in steps."""
        return self.plan.replicates + sum(line["rounds"] or 0 for line in self.ledger.all("extension"))

    def elapsed(self) -> float:
        """Wall seconds since the start, those of interrupted sessions up to their last line."""
        return self._before + time.perf_counter() - self._started

    def _last_seen(self) -> float:
        return max((line.get("elapsed_seconds", 0.0) for line in self.ledger.lines), default=0.0)

    def run(self, chains: Sequence[Chain], watch: Bar) -> None:
        """Run the trials of the chains that the ledger does not know yet."""
        for record in self.engine.run(
            self.problem, [self._missing(one, watch) for one in chains], self.place
        ):
            self.log("trial", record["key"], record)
            watch.advance(note=record["key"])

    def _missing(self, chain: Chain, watch: Bar) -> Chain:
        """Ask only for trials that the ledger does not know; the others are answered from it."""
        trial = advance(chain)
        while trial is not None:
            if (record := self.known("trial", trial.key)) is None:
                record = yield trial
            else:
                watch.advance()
            trial = advance(chain, record)

    def place(self, trial: Trial) -> Place:
        """Where the files of a trial go: first replicates get measured, final ones shipped."""
        name = trial.key.replace("/", "-")
        judged = trial.stage != "tune"
        kept = trial.stage == "final" or (trial.stage, trial.replicate) == ("replicate", 0)
        return Place(
            artifact=self.folder / "artifacts" / name if kept else None,
            outcomes=self.folder / OUTCOMES / f"{name}.npz" if judged else None,
        )
