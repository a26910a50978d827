"""The ledger of a study, read: its trials, its facts, and the evidence they are."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from bicameral.errors import StudyError
from bicameral.studies.judge.evidence import Answers, Evidence, Scores
from bicameral.studies.judge.trained import Trained, how_trained
from bicameral.studies.judge.verdict import Costs, Judgement, Rules, judge
from bicameral.studies.record.folder import compared
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.outcomes import Outcomes, read_outcomes
from bicameral.studies.record.plan import Plan

Record = Mapping[str, Any]
GUESSES = ("majority", "blank_frame", "frequencies")  # answer without looking at the example


class Reading:
    """What the ledger of a finished (or interrupted) study says."""

    def __init__(self, plan: Plan, ledger: Ledger):
        self.plan, self.ledger = plan, ledger
        self.trials = ledger.all("trial")
        self.models = compared(plan, ledger)
        self.replicates = {name: self.of("replicate", name) for name in self.models}
        self.finals = {line["model"]: line for line in self.trials if line["stage"] == "final"}
        missing = [name for name, lines in self.replicates.items() if not lines]
        if missing:
            raise StudyError(f"the ledger {ledger.path} holds no replicate of {', '.join(missing)}")

    def of(self, stage: str, name: str) -> list[Record]:
        found = [line for line in self.trials if line["stage"] == stage and line["model"] == name]
        return sorted(found, key=lambda line: (line["replicate"], line["key"]))

    def whole(self, name: str) -> list[Record]:
        """The replicates of a model that did not crash."""
        return [line for line in self.replicates[name] if line["status"] == "ok"]

    def fact(self, kind: str, key: str = "") -> Record:
        """A line of the ledger, empty where it is not there."""
        return self.ledger.find(kind, key) or {}

    @property
    def keeps_outcomes(self) -> bool:
        """Whether the ledger says where every example's outcome lies; studies of older versions do not."""
        return all(line.get("outcomes") for name in self.models for line in self.whole(name))

    @cached_property
    def evidence(self) -> Evidence:
        """What is known of every two models."""
        if not any(self.whole(name) for name in self.models):
            raise StudyError("every replicate crashed, so there is nothing to judge; the ledger says why")
        return Answers(self._outcomes()) if self.keeps_outcomes else self._scores()

    def _outcomes(self) -> dict[str, dict[int, Outcomes | None]]:
        return {
            name: {line["replicate"]: self.outcomes(line) for line in self.replicates[name]}
            for name in self.models
        }

    def outcomes(self, line: Record) -> Outcomes | None:
        """What each example got in a trial; None where it crashed."""
        return read_outcomes(self.ledger.path.parent, line) if line["status"] == "ok" else None

    def _scores(self) -> Scores:
        """A crash counts as the worst score seen: leaving it out would reward crashing when it is hard."""
        whole = [line for name in self.models for line in self.whole(name)]
        worst = min(line["score"] for line in whole)
        scores = {name: [line["score"] for line in lines] for name, lines in self.replicates.items()}
        ratio = float(np.mean([line["num_judged"] / line["num_train"] for line in whole]))
        return Scores(
            {
                name: np.array([worst if one is None else one for one in found])
                for name, found in scores.items()
            },
            ratio,
        )

    @cached_property
    def trained(self) -> dict[str, Trained]:
        """How long each model was trained, and whether that was enough."""
        means = {name: self.evidence.level(name).mean for name in self.models}
        guess = max((means[name] for name in GUESSES if name in means), default=None)
        return {
            name: how_trained(self.whole(name), rope=self.plan.rope, mean=means[name], guess=guess)
            for name in self.models
        }

    @cached_property
    def judgement(self) -> Judgement:
        """Every two models compared."""
        untrained = {name: one.why_not for name, one in self.trained.items() if one.why_not}
        return judge(self.evidence, Rules(rope=self.plan.rope), Costs(self._seconds(), untrained))

    def _seconds(self) -> dict[str, float]:
        return {
            name: float(np.mean([line["wall_seconds"] for line in lines]))
            for name, lines in self.replicates.items()
        }

    def leaders(self) -> tuple[str | None, str | None]:
        """The best candidate, and the best of the others."""
        order, roles = self.judgement.names, self.plan.roles
        candidate = next((name for name in order if roles[name] == "candidate"), None)
        return candidate, next((name for name in order if roles[name] != "candidate"), None)
