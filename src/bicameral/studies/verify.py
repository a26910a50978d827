"""Is a report true? Recompute it from ledger, outcomes and data, and train again what one likes."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bicameral import __version__
from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.disk import jsonable
from bicameral.errors import ArtifactError, BicameralError, StudyError
from bicameral.problems.problem import Problem
from bicameral.studies.judge.results import VERSION
from bicameral.studies.judge.summary import summarise
from bicameral.studies.question import problem_of, question, what_changed
from bicameral.studies.record.folder import LEDGER, file_hashes, read_plan, read_results, undamaged
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.outcomes import read_outcomes
from bicameral.studies.record.plan import Plan
from bicameral.studies.report.card import card
from bicameral.studies.report.page import whole_page
from bicameral.studies.run.trial import Trial, run_trial

TOLERANCE = 1e-9
SCORE_TOLERANCE = 1e-6  # another processor may round the last bits of a network's output differently
ROLES = ("best", "candidate", "baseline")
FROZEN = ("rope", "metric", "budget_seconds", "trial_steps", "device", "limits")  # of a question, by the plan


@dataclass(frozen=True)
class Check:
    """One thing verified; `ok` is None where it could not be looked at."""

    name: str
    ok: bool | None
    detail: str


def verify(
    folder: str | Path, dataset: Dataset | None = None, *, rerun: int = 0, seal: str = ""
) -> list[Check]:
    """Check a finished study folder, and with its data at hand the question and the saved artifacts.

    rerun  so many replicates, drawn at random, are trained again; their scores must come back
    seal   of the ledger, as the study printed it: notices a ledger that was written anew as a whole
    """
    folder = Path(folder)
    with undamaged(folder):
        plan, results = read_plan(folder), read_results(folder)
        ledger = Ledger(folder / LEDGER)
        if not ledger.lines:
            raise StudyError(f"the ledger {ledger.path} is missing or empty")
        checks = [
            _sealed(ledger, seal),
            _frozen(plan, ledger),
            _outcomes(folder, ledger),
            _files(folder, ledger),
        ]
        problem, data = _problem(plan, dataset)
        checks += [
            data,
            _asked(plan, results, problem),
            _recomputed(plan, ledger, results),
            _page(folder, results),
        ]
        checks += _artifacts(folder, plan, ledger, problem, results["verdict"])
        return checks + (_retrained(plan, ledger, problem, rerun) if rerun else [])


def _sealed(ledger: Ledger, seal: str) -> Check:
    broken, last = ledger.broken_at(), ledger.lines[-1]["seal"]
    if broken is not None:
        return Check("ledger sealed", False, f"line {broken} was changed afterwards")
    if seal and seal != last:
        return Check("ledger sealed", False, f"its seal is {last}, not {seal}: it was written anew")
    return Check("ledger sealed", True, f"{len(ledger.lines)} lines, unbroken; seal {last}")


def _frozen(plan: Plan, ledger: Ledger) -> Check:
    plans = {line["plan"] for line in ledger.all("session")}
    ok = plans == {plan.digest()}
    told = plan.digest() if ok else f"the ledger was made under {', '.join(sorted(plans))}"
    return Check("plan frozen before training", ok, told)


def _outcomes(folder: Path, ledger: Ledger) -> Check:
    """Every judged trial's score follows from what its examples got."""
    name = "scores follow from outcomes"
    judged = [line for line in ledger.all("trial") if line["stage"] != "tune" and line["status"] == "ok"]
    if not any(line.get("outcomes") for line in judged):
        return Check(name, None, "an older version made this study and kept none")
    for line in judged:
        try:
            score = read_outcomes(folder, line).score()
        except StudyError as error:
            return Check(name, False, str(error))
        if abs(score - line["score"]) > TOLERANCE * max(1.0, abs(score)):
            return Check(
                name, False, f"{line['key']}: {line['score']:.6g} is booked, its examples give {score:.6g}"
            )
    return Check(name, True, f"of {len(judged)} trials")


def _files(folder: Path, ledger: Ledger) -> Check:
    line = ledger.find("shipped", "")
    if line is None:
        return Check("files as they were saved", None, "an older version made this study and hashed none")
    changed = sorted(
        name for name, found in file_hashes(folder, ROLES).items() if line["files"].get(name) != found
    )
    changed += sorted(line["files"].keys() - file_hashes(folder, ROLES).keys())
    told = f"changed or missing: {', '.join(changed[:5])}" if changed else f"{len(line['files'])} files"
    return Check("files as they were saved", not changed, told)


def _problem(plan: Plan, dataset: Dataset | None) -> tuple[Problem | None, Check]:
    try:
        dataset = read(plan.source, **plan.data_options) if dataset is None else dataset
    except (BicameralError, OSError) as error:
        return None, Check("data unchanged", None, f"the data is not here: {error}")
    if changed := what_changed(plan, dataset):
        return None, Check("data unchanged", False, changed)
    return problem_of(plan, dataset), Check("data unchanged", True, plan.data_digest)


def _asked(plan: Plan, results: Mapping[str, Any], problem: Problem | None) -> Check:
    """Rebuild the question: from plan and data, or without data what of it the plan fixes."""
    if problem is not None:
        anew = json.loads(json.dumps(jsonable(question(plan, problem))))
    else:
        anew = results["question"] | {name: plan.to_dict()[name] for name in FROZEN}
    wrong = list(differences(anew, results["question"]))
    if wrong:
        return Check("question follows from the plan", False, f"differs at {', '.join(wrong)}")
    told = "whole" if problem is not None else "as far as the plan fixes it; the rest needs the data"
    return Check("question follows from the plan", True if problem is not None else None, told)


def _recomputed(plan: Plan, ledger: Ledger, results: Mapping[str, Any]) -> Check:
    name = "results recomputed"
    if results["version"] != VERSION:
        told = f"results.json is of version {results['version']}; bicameral report writes it anew"
        return Check(name, None, told)
    try:
        anew = json.loads(json.dumps(jsonable(summarise(plan, ledger, results["question"]).to_json())))
    except StudyError as error:
        return Check(name, False, str(error))
    wrong = list(differences(anew, results))
    told = f"differs at {', '.join(wrong[:5])}" if wrong else "every number follows from ledger and outcomes"
    return Check(name, not wrong, told)


def _page(folder: Path, results: Mapping[str, Any]) -> Check:
    """The page, made anew from the results, is the same to the byte."""
    report = folder / "report.html"
    if not report.is_file():
        return Check("report rebuilt", False, "report.html is missing")
    made_by = results["provenance"]["versions"].get("bicameral")
    if made_by != __version__ or results["version"] != VERSION:
        return Check("report rebuilt", None, f"bicameral {made_by} made it, this is {__version__}")
    made = {"report.html": whole_page(results), "verdict.svg": card(results)}
    other = [name for name, text in made.items() if _text(folder / name) != text]
    told = f"{' and '.join(other)}: not what the results give" if other else "the same to the byte"
    return Check("report rebuilt", not other, told)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _artifacts(
    folder: Path, plan: Plan, ledger: Ledger, problem: Problem | None, verdict: Mapping[str, Any]
) -> list[Check]:
    """Judge each saved model anew on the sealed part."""
    finals = {line["model"]: line for line in ledger.all("trial") if line["stage"] == "final"}
    leaders = {
        "best": verdict["best"],
        "candidate": verdict["best_candidate"],
        "baseline": verdict["best_baseline"],
    }
    roles = {role: name for role, name in leaders.items() if finals.get(name, {}).get("status") == "ok"}
    names = {role: f"{role}/ judged anew" for role in roles}
    if problem is None:
        return [Check(name, None, "needs the data the plan was frozen on") for name in names.values()]
    torch.set_num_threads(plan.threads)
    return [_judged(names[role], folder / role, finals[name], problem, plan) for role, name in roles.items()]


def _judged(name: str, folder: Path, line: Mapping[str, Any], problem: Problem, plan: Plan) -> Check:
    try:
        artifact = Artifact.from_pretrained(folder)
    except ArtifactError as error:
        return Check(name, False, str(error))
    value, booked = artifact.evaluate(problem.dataset, problem.test)[plan.metric], line["metric_value"]
    ok = abs(value - booked) <= SCORE_TOLERANCE * max(1.0, abs(value))
    return Check(name, ok, f"{line['model']}: {plan.metric} {value:.6g}, booked {booked:.6g}")


def _retrained(plan: Plan, ledger: Ledger, problem: Problem | None, rerun: int) -> list[Check]:
    trials = [line for line in ledger.all("trial") if line["stage"] == "replicate" and line["status"] == "ok"]
    drawn = np.random.default_rng().permutation(len(trials))[:rerun]
    chosen = [trials[place] for place in sorted(drawn)]
    if problem is None:
        return [Check(f"{line['key']} trained again", None, "needs the data") for line in chosen]
    return [_again(problem, line, plan) for line in chosen]


def _again(problem: Problem, line: Mapping[str, Any], plan: Plan) -> Check:
    torch.set_num_threads(plan.threads)
    known = [field.name for field in dataclasses.fields(Trial) if field.init and field.name in line]
    record = run_trial(problem, Trial(**{name: line[name] for name in known}))
    score, name = record["score"], f"{line['key']} trained again"
    if score is None:
        return Check(name, False, record["reason"])
    ok = abs(score - line["score"]) <= SCORE_TOLERANCE * max(1.0, abs(score))
    return Check(name, ok, f"score {score:.6g}, booked {line['score']:.6g}")


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


def verdict(checks: Sequence[Check]) -> bool | None:
    """Whether all hold; None where nothing is wrong but something could not be looked at."""
    if any(check.ok is False for check in checks):
        return False
    return True if all(check.ok for check in checks) else None
