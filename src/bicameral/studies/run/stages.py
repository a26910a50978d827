"""The stages of a comparison. Each asks the ledger first, so that a killed study goes on where it was."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bicameral.data.audit import audit
from bicameral.data.audit.gate import raise_on_failure
from bicameral.errors import StudyError
from bicameral.probes import probe
from bicameral.probes.bench import ENOUGH_STEPS, FEWEST_STEPS
from bicameral.probes.recommend import recommend
from bicameral.progress import Bar
from bicameral.studies.errors.examples import mistakes
from bicameral.studies.record.plan import Plan
from bicameral.studies.run import chains, race, schedule, timing
from bicameral.studies.run.measure import measure
from bicameral.studies.run.study import Study

Record = Mapping[str, Any]
PROBE_SHARE = 0.12  # of a budget in seconds


def audit_data(study: Study) -> Record:
    """Audit the data; a FAIL ends the study unless the plan overrides it."""
    if study.known("audit") is None:
        with study.fact("audit") as fact:
            fact.update(audit(study.problem.raw, split=study.problem.parts()).to_dict())
    found = study.need("audit")
    raise_on_failure(found, override=study.plan.override_audit)
    return found


def probe_data(study: Study) -> None:
    """Probe the data and recommend, within the plan's share of a budget in seconds."""
    plan = study.plan
    if plan.probe_seconds != 0 and study.known("probes") is None:
        with study.fact("probes") as fact:
            asked: dict[str, Any] = {"seed": plan.seed, "task_options": dict(plan.task_options)}
            found = probe(study.problem.raw, **_probe_length(plan), **asked)
            fact["probes"] = [item.to_dict() for item in found]
            fact["recommendation"] = recommend(study.problem.raw, found, **asked)


def _probe_length(plan: Plan) -> dict[str, Any]:
    """Trial steps fix the probes' steps too, so that no clock decides what they find."""
    if plan.trial_steps is not None:
        return {"steps": min(max(plan.trial_steps, FEWEST_STEPS), ENOUGH_STEPS)}
    assert plan.budget_seconds is not None
    return {
        "seconds": PROBE_SHARE * plan.budget_seconds if plan.probe_seconds is None else plan.probe_seconds
    }


def run_rounds(study: Study, watch: Bar) -> None:
    """Run rounds, every model on one fold each, in waves; after a wave who is out of reach is left behind."""
    done = 0
    while (wave := schedule.wave(study, done, race.alive(study, done)))["rounds"]:
        timing.canary(study, done)
        numbers = range(done, done + wave["rounds"])
        study.run([chain for number in numbers for chain in _round(study, number, wave["part"])], watch)
        done = numbers.stop
        race.leave_behind(study, done)


def open_test(study: Study, names: Sequence[str], watch: Bar) -> None:
    """Train the winner and the best baseline once more and judge them on the sealed part."""
    study.run([chains.final(study, name) for name in names], watch)
    for name in names:
        record = study.need("trial", f"final/{name}")
        if record["status"] != "ok":
            raise StudyError(f"the final training of {name} failed: {record['reason']}")


def _round(study: Study, number: int, part: float) -> list[chains.Chain]:
    """Every model that is still compared, in random order, so that a drifting machine hurts all alike."""
    names = np.random.default_rng([study.plan.seed, number]).permutation(race.alive(study, number))
    return [chains.replicate(study, str(name), number, part) for name in names]


def measure_artifacts(study: Study) -> None:
    """Measure the saved artifact of each model's first replicate."""
    if study.known("measured") is None:
        folders = sorted((study.folder / "artifacts").glob("replicate-*"))
        with study.fact("measured") as fact:
            fact["artifacts"] = measure(folders, study.plan.threads)


def look_at_mistakes(study: Study, name: str) -> None:
    """Keep the winner's errors on the test part for the report."""
    if (found := study.known("errors")) is None or found.get("of", name) != name:
        with study.fact("errors") as fact:
            fact.update(mistakes(study.problem, study.folder / "artifacts" / f"final-{name}"), of=name)
