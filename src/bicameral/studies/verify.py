"""Is a report true? Recompute every number of it from the ledger, and the artifact's score from the data."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.disk import jsonable
from bicameral.errors import ArtifactError, BicameralError
from bicameral.studies.judge.summary import summarise
from bicameral.studies.question import problem_of, what_changed
from bicameral.studies.record.folder import LEDGER, read_plan, read_results, undamaged
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.plan import Plan

TOLERANCE = 1e-9
SCORE_TOLERANCE = 1e-6  # another processor may round the last bits of a network's output differently


@dataclass(frozen=True)
class Check:
    """One thing verified."""

    name: str
    ok: bool
    detail: str


def verify(folder: str | Path, dataset: Dataset | None = None) -> list[Check]:
    """Check a finished study folder; with its data at hand the shipped artifact is judged anew."""
    folder = Path(folder)
    with undamaged(folder):
        return _checks(folder, dataset)


def _checks(folder: Path, dataset: Dataset | None) -> list[Check]:
    plan, results = read_plan(folder), read_results(folder)
    ledger = Ledger(folder / LEDGER)
    checks = [
        _seals(ledger),
        _frozen(plan, ledger),
        _recomputed(plan, ledger, results),
        _embedded(folder, results),
    ]
    return [*checks, *_against_data(folder, plan, results, dataset)]


def _seals(ledger: Ledger) -> Check:
    broken = ledger.broken_at()
    detail = (
        f"{len(ledger.lines)} lines, unbroken" if broken is None else f"line {broken} was changed afterwards"
    )
    return Check("ledger sealed", broken is None, detail)


def _frozen(plan: Plan, ledger: Ledger) -> Check:
    plans = {line["plan"] for line in ledger.all("session")}
    ok = plans == {plan.digest()}
    return Check(
        "plan frozen before training", ok, plan.digest() if ok else f"the ledger was made under {plans}"
    )


def _recomputed(plan: Plan, ledger: Ledger, results: Mapping[str, Any]) -> Check:
    anew = jsonable(summarise(plan, ledger, results["question"]).to_json())
    wrong = list(differences(json.loads(json.dumps(anew)), results))
    detail = "every number follows from the ledger" if not wrong else f"differs at {', '.join(wrong[:5])}"
    return Check("results recomputed", not wrong, detail)


def _embedded(folder: Path, results: Mapping[str, Any]) -> Check:
    report = folder / "report.html"
    if not report.is_file():
        return Check("report", False, "report.html is missing")
    ok = results["provenance"]["hashes"]["plan"] in report.read_text(encoding="utf-8")
    return Check("report", ok, "carries this plan" if ok else "was made from another plan")


def _against_data(
    folder: Path, plan: Plan, results: Mapping[str, Any], dataset: Dataset | None
) -> Iterator[Check]:
    try:
        dataset = read(plan.source, **plan.data_options) if dataset is None else dataset
    except (BicameralError, OSError) as error:
        yield Check("artifact judged anew", True, f"skipped, the data is not here: {error}")
        return
    changed = what_changed(plan, dataset)
    yield Check("data unchanged", not changed, changed or plan.data_digest)
    winner = (results.get("test") or {}).get("best")
    if not changed and winner:
        yield _judged_anew(folder, plan, winner, dataset)


def _judged_anew(folder: Path, plan: Plan, winner: Mapping[str, Any], dataset: Dataset) -> Check:
    torch.set_num_threads(plan.threads)
    problem = problem_of(plan, dataset)
    try:
        artifact = Artifact.from_pretrained(folder / "best")
    except ArtifactError as error:
        return Check("artifact judged anew", False, str(error))
    value = artifact.evaluate(problem.dataset, problem.test)[plan.metric]
    ok = abs(value - winner["metric_value"]) <= SCORE_TOLERANCE * max(1.0, abs(value))
    return Check(
        "artifact judged anew", ok, f"{plan.metric} {value:.6g}, reported {winner['metric_value']:.6g}"
    )


def differences(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Paths at which two JSON values differ by more than rounding."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            yield from differences(a.get(key), b.get(key), f"{where}.{key}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif isinstance(a, float) and isinstance(b, int | float):
        if abs(a - b) > TOLERANCE * max(1.0, abs(a)):
            yield where
    elif a != b:
        yield where
