"""Results from a ledger written by hand: crashes count, limits are checked, what is not shown is named."""

from typing import Any

import pytest

from bicameral.studies.judge import summary
from bicameral.studies.judge.summary import leading, shipped
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.plan import Plan

QUESTION = {
    "data": "made",
    "kind": "image",
    "task": "classify",
    "metric": "accuracy",
    "unit": "%",
    "scale": 100,
    "higher_is_better": True,
    "rope": 0.01,
    "budget_seconds": 60.0,
    "trial_steps": None,
    "device": "cpu",
    "limits": {},
}
SCORES = {
    "lenet5": [0.90, 0.92, 0.91, 0.93, 0.90, 0.92],
    "gru": [0.80, None, 0.81, 0.83, 0.80, 0.82],
    "linear": [0.60, 0.62, 0.61, 0.58, 0.60, 0.62],
}


def summarise(plan: Plan, ledger: Ledger, question: dict[str, Any]) -> dict[str, Any]:
    return summary.summarise(plan, ledger, question).to_json()


def plan(**changes: Any) -> Plan:
    roles = {"lenet5": "candidate", "gru": "candidate", "linear": "baseline"}
    fields = {"source": "made", "models": tuple(roles), "roles": roles, "metric": "accuracy"}
    return Plan(**{**fields, "budget_seconds": 60.0, **changes})


def session(ledger: Ledger) -> None:
    machine = {"hardware": {}, "versions": {}, "time": "2026-01-01T00:00:00+00:00"}
    ledger.append("session", str(len(ledger.all("session"))), {"plan": "", "command": "", **machine})


def trial(ledger: Ledger, name: str, replicate: int, score: float | None, stage: str = "replicate") -> None:
    crashed = {"status": "failed", "reason": "ArithmeticError: the loss is nan", "score": None}
    done = {"status": "ok", "reason": "", "score": score, "metric_value": score, "metrics": {}}
    costs = {"train_seconds": 1.0, "wall_seconds": 1.5, "num_train": 80, "num_judged": 20}
    what = {"stage": stage, "model": name, "size": "small", "replicate": replicate, "recipe": {}, "seed": 0}
    line = what | costs | (crashed if score is None else done)
    ledger.append("trial", f"{stage}/{name}/{replicate}", {"steps": 10, **line})


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    made = Ledger(tmp_path / "ledger.jsonl")
    session(made)
    for name, scores in SCORES.items():
        made.append("calibration", f"{name}/small", {"parameters": 100, "flops": 1000, "slowdown": 1.0})
        for replicate, score in enumerate(scores):
            trial(made, name, replicate, score)
    return made


def test_a_crash_counts_as_the_worst_score_seen_and_is_told(ledger):
    results = summarise(plan(), ledger, QUESTION)
    rows = {row["name"]: row for row in results["leaderboard"]}
    assert rows["gru"]["scores"] == SCORES["gru"]
    assert rows["gru"]["mean"] == pytest.approx((0.80 + 0.58 + 0.81 + 0.83 + 0.80 + 0.82) / 6)
    assert any("gru: 1 of 6 replicates crashed" in caveat for caveat in results["verdict"]["caveats"])
    told = [item for item in results["not_shown"] if item["what"].startswith("trial replicate/gru/1")]
    assert [item["why"] for item in told] == ["ArithmeticError: the loss is nan"]


def test_the_leaders_are_the_best_candidate_and_the_best_baseline(ledger):
    assert leading(plan(), ledger) == ("lenet5", "linear")


@pytest.mark.parametrize(
    ("limits", "missed"),
    [
        ({"latency_ms": 4.0}, ["latency_ms 5, allowed 4"]),
        ({"latency_ms": 6.0, "disk_mb": 0.5}, ["disk_mb 0.75, allowed 0.5"]),
        ({"latency_ms": 5.0, "disk_mb": 0.75, "peak_ram_mb": 0.001}, []),  # memory was not measured
    ],
)
def test_a_choice_beyond_the_limits_of_the_device_says_so(ledger, limits, missed):
    costs = {
        "latency_ms": {"p50": 1.0, "p95": 5.0, "tag": "measured"},
        "disk_mb": {"value": 0.75, "tag": "measured"},
        "peak_ram_mb": {"value": None, "tag": "not measured"},
    }
    ledger.append("measured", "", {"artifacts": {"replicate-lenet5-0": costs}})
    caveats = summarise(plan(limits=limits), ledger, QUESTION)["verdict"]["caveats"]
    told = [caveat.partition("limit: ")[2] for caveat in caveats if "misses the device's limit" in caveat]
    assert told == missed


def test_a_model_left_out_as_too_slow_is_named(ledger):
    ledger.append("schedule", "", {"trial_steps": None, "trial_seconds": 1.0, "left_out": ["gru"]})
    results = summarise(plan(), ledger, QUESTION)
    assert [row["name"] for row in results["leaderboard"]] == ["lenet5", "linear"]
    assert "gru took no part" in [item["what"] for item in results["not_shown"]]


def test_shortened_rounds_are_told(ledger):
    for replicate, part in enumerate([1.0, 0.8, 0.64]):
        ledger.append("pace", str(replicate), {"part": part})
    told = " ".join(summarise(plan(), ledger, QUESTION)["verdict"]["caveats"])
    assert "2 rounds shortened, for all alike, to 64 % or more" in told


def test_who_was_left_behind_is_told(ledger):
    ledger.append("left_behind", "gru", {"model": "gru", "after": 3})
    told = [item["what"] for item in summarise(plan(), ledger, QUESTION)["not_shown"]]
    assert "gru ran 3 rounds" in told


@pytest.mark.parametrize(("seconds", "told"), [([1.0, 1.04, 1.0], False), ([1.0, 1.3, 1.3], True)])
def test_a_drifting_machine_is_told_from_a_steady_one(ledger, seconds, told):
    for replicate, time in enumerate(seconds):
        ledger.append("canary", str(replicate), {"seconds": time})
    caveats = summarise(plan(), ledger, QUESTION)["verdict"]["caveats"]
    assert any("speed changed by 30 %" in caveat for caveat in caveats) == told


def test_the_sealed_part_stands_beside_the_replicates(ledger):
    trial(ledger, "lenet5", 0, 0.88, stage="final")
    trial(ledger, "linear", 0, None, stage="final")
    found = summarise(plan(), ledger, QUESTION)["test"]
    assert found["best"]["replicates_mean"] == pytest.approx(5.48 / 6)
    assert (found["best"]["name"], found["best"]["score"]) == ("lenet5", 0.88)
    assert found["baseline"] is found["pair"] is None


def test_an_older_study_is_judged_by_the_older_rule_and_says_so(ledger):
    results = summarise(plan(), ledger, QUESTION)
    assert any("kept one score a replicate" in caveat for caveat in results["verdict"]["caveats"])


def test_the_best_of_all_roles_is_shipped_as_best(tmp_path):
    made = Ledger(tmp_path / "other.jsonl")
    session(made)
    for name, scores in {**SCORES, "linear": [0.97] * 6}.items():
        for replicate, score in enumerate(scores):
            trial(made, name, replicate, score)
    assert shipped(plan(), made) == {"best": "linear", "candidate": "lenet5", "baseline": "linear"}
    verdict = summarise(plan(), made, QUESTION)["verdict"]
    assert (verdict["best"], verdict["best_candidate"], verdict["best_baseline"]) == (
        "linear",
        "lenet5",
        "linear",
    )
    assert "winner" not in verdict


def test_the_hash_of_the_ledger_covers_every_line(ledger):
    before = summarise(plan(), ledger, QUESTION)["provenance"]["hashes"]["ledger"]
    assert before == ledger.lines[-1]["seal"]


def test_a_study_ended_once_however_often_it_was_resumed(ledger):
    times = [f"2026-01-0{day}T00:00:00+00:00" for day in (2, 3)]
    for time in times:
        ledger.append("end", "", {"time": time, "session_seconds": 1.0, "bookkeeping_seconds": 0.1})
        session(ledger)
    provenance = summarise(plan(), ledger, QUESTION)["provenance"]
    assert (provenance["finished"], provenance["sessions"]) == (times[0], 3)
