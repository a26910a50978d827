"""The ledger, read: every number of the report as a pure function of the plan and the ledger."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from bicameral import registry
from bicameral.errors import StudyError
from bicameral.studies.judge import statistics, words
from bicameral.studies.judge.conclusion import conclude
from bicameral.studies.judge.expected_best import Curve, budget_curve, crossings
from bicameral.studies.judge.fairness import TRAINING, samples_seen, views
from bicameral.studies.judge.verdict import Contender, Pair, Rules, filled, judge, verdicts_against
from bicameral.studies.record.folder import compared
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.plan import Plan, digest

Record = Mapping[str, Any]
DRIFT_LIMIT = 0.05


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

    def fact(self, kind: str, key: str = "") -> Record:
        """A line of the ledger, empty where it is not there."""
        return self.ledger.find(kind, key) or {}

    def contenders(self) -> list[Contender]:
        """The models with their paired scores."""
        return [
            Contender(
                name=name,
                scores=[line["score"] for line in lines],
                seconds=float(np.mean([line["wall_seconds"] for line in lines])),
            )
            for name, lines in self.replicates.items()
        ]

    def rules(self) -> Rules:
        """ROPE, and the overlap of the redrawn training parts."""
        whole = [line for lines in self.replicates.values() for line in lines if line["status"] == "ok"]
        ratio = float(np.mean([line["num_judged"] / line["num_train"] for line in whole])) if whole else 0.0
        return Rules(rope=self.plan.rope, test_to_train=ratio)


def leading(plan: Plan, ledger: Ledger) -> tuple[str, str | None]:
    """The best candidate and the best baseline by mean judged score."""
    reading = Reading(plan, ledger)
    pairs = judge(reading.contenders(), reading.rules())
    order = [row["name"] for row in _leaderboard(reading, pairs)]
    candidates = [name for name in order if plan.roles[name] == "candidate"]
    if not any(_whole(reading.replicates[name]) for name in candidates):
        reason = reading.replicates[candidates[0]][0]["reason"]
        raise StudyError(f"no candidate could be trained even once; {candidates[0]} failed with {reason}")
    return candidates[0], next((name for name in order if plan.roles[name] == "baseline"), None)


def summarise(plan: Plan, ledger: Ledger, question: Mapping[str, Any]) -> dict[str, Any]:
    """Build results.json."""
    reading = Reading(plan, ledger)
    pairs = judge(reading.contenders(), reading.rules())
    board = _leaderboard(reading, pairs)
    fair = views(board, {name: _whole(lines) for name, lines in reading.replicates.items()})
    curves = _curves(reading)
    return {
        "version": 1,
        "question": dict(question),
        "verdict": _verdict(reading, question, board, pairs, fair),
        "leaderboard": board,
        "pairs": [asdict(pair) for pair in pairs],
        "views": fair,
        "curves": [asdict(curve) for curve in curves],
        "crossings": [crossing.to_dict() for crossing in crossings(curves)],
        "pareto": _pareto(board),
        "data": _data(reading),
        "probes": list(reading.fact("probes").get("probes", [])),
        "recommendation": list(reading.fact("probes").get("recommendation", [])),
        "errors": _plain(reading.fact("errors"), drop=("per_example",)) or None,
        "test": _test(reading, board),
        "provenance": _provenance(reading),
        "not_shown": _not_shown(reading),
    }


def _leaderboard(reading: Reading, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    scores = filled(reading.contenders())
    rows = [_row(reading, name, scores[name]) for name in reading.models]
    rows.sort(key=lambda row: -row["mean"])
    best = next((row["name"] for row in rows if row["role"] == "candidate"), rows[0]["name"])
    verdicts = verdicts_against(best, pairs)
    return [{**row, "verdict_vs_winner": verdicts.get(row["name"], "winner")} for row in rows]


def _row(reading: Reading, name: str, scores: np.ndarray) -> dict[str, Any]:
    """One line of the leaderboard; in `scores` a crash has become the worst score seen."""
    lines = reading.replicates[name]
    ok = _whole(lines)
    low, high = statistics.bootstrap_interval(scores, test_to_train=reading.rules().test_to_train)
    first = lines[0]
    calibration = reading.fact("calibration", f"{name}/{first['size']}")
    seen = [samples_seen(line) for line in ok if "history" in line]
    samples = float(np.mean(seen)) if seen else None
    measured = reading.fact("measured").get("artifacts", {}).get(f"replicate-{name}-0", {})
    return {
        "name": name,
        "family": registry.entry(name).family,
        "size": first["size"],
        "setting": dict(first["recipe"]),
        "role": reading.plan.roles[name],
        "scores": [line["score"] for line in lines],
        "mean": float(np.mean(scores)),
        "low": _finite(low),
        "high": _finite(high),
        "metric_mean": float(np.mean([line["metric_value"] for line in ok])) if ok else None,
        "parameters": calibration.get("parameters"),
        "flops": calibration.get("flops"),
        "train_seconds": float(np.mean([line["train_seconds"] for line in ok])) if ok else None,
        "samples_seen": samples,
        "train_flops": samples and TRAINING * calibration.get("flops", 0) * samples,
        **{
            key: measured.get(key)
            for key in ("latency_ms", "peak_ram_mb", "disk_mb", "energy_mj", "kernel_path")
        },
    }


def _verdict(
    reading: Reading,
    question: Mapping[str, Any],
    board: Sequence[Record],
    pairs: Sequence[Pair],
    fair: Mapping[str, Sequence[Record]],
) -> dict[str, Any]:
    verdict = conclude(question, board, pairs, fair)
    verdict["caveats"] += _machine_caveats(reading) + _limit_caveats(reading.plan, board, verdict["winner"])
    if reading.plan.override_audit:
        verdict["caveats"].append("the audit was overridden: see its findings before trusting this")
    return verdict


def _machine_caveats(reading: Reading) -> list[str]:
    told = []
    drift = _drift(reading)
    if drift > DRIFT_LIMIT:
        told.append(
            f"the machine's speed changed by {100 * drift:.0f} % during the study (repeated canary job)"
        )
    paces = [line["part"] for line in reading.ledger.all("pace")]
    parts = [part for part in paces if 0 < part < 1]
    if parts:
        told.append(
            f"{words.plural(len(parts), 'round')} shortened, for all alike, to {100 * min(parts):.0f} % or "
            "more of the length; what was judged on the test part was trained in full"
        )
    if 0.0 in paces:
        told.append(
            "the last rounds were not run, to keep the budget: the machine was slower than at the start"
        )
    return told


def _limit_caveats(plan: Plan, board: Sequence[Record], winner: str) -> list[str]:
    row = next(row for row in board if row["name"] == winner)
    measured = {
        "latency_ms": (row["latency_ms"] or {}).get("p95"),
        "disk_mb": (row["disk_mb"] or {}).get("value"),
        "peak_ram_mb": (row["peak_ram_mb"] or {}).get("value"),
    }
    return [
        f"{winner} misses the device's limit: {name} {measured[name]:.3g}, allowed {limit:g}"
        for name, limit in plan.limits.items()
        if (value := measured.get(name)) is not None and value > limit
    ]


def _curves(reading: Reading) -> list[Curve]:
    """Expected best of the first round of tuning, whose settings are one and the same random design."""
    rounds = {
        name: [line for line in reading.of("tune", name) if "/0/" in line["key"]] for name in reading.models
    }
    scores = [line["score"] for lines in rounds.values() for line in lines if line["score"] is not None]
    return [
        budget_curve(
            name,
            registry.entry(name).family,
            [line["score"] for line in lines],
            [line["wall_seconds"] for line in lines],
            worst=min(scores, default=0.0),
        )
        for name, lines in rounds.items()
        if lines
    ]


def _pareto(board: Sequence[Record]) -> list[str]:
    """Names no other beats in both quality and latency."""
    points = {row["name"]: (row["mean"], row["latency_ms"]["p50"]) for row in board if row["latency_ms"]}
    return [
        name
        for name, (score, latency) in points.items()
        if not any(s >= score and ms <= latency and (s, ms) != (score, latency) for s, ms in points.values())
    ]


def _data(reading: Reading) -> dict[str, Any]:
    data, audit = reading.fact("data"), reading.fact("audit")
    return {
        **_plain(data),
        "audit": list(audit.get("findings", [])),
        "overridden": reading.plan.override_audit,
    }


def _test(reading: Reading, board: Sequence[Record]) -> dict[str, Any] | None:
    if not reading.finals:
        return None
    means = {row["name"]: row["mean"] for row in board}
    found: dict[str, Any] = {"winner": None, "baseline": None}
    for name, line in reading.finals.items():
        role = "winner" if reading.plan.roles[name] == "candidate" else "baseline"
        if line["status"] != "ok":
            continue
        found[role] = {
            "name": name,
            "score": line["score"],
            "metric_value": line["metric_value"],
            "metrics": line["metrics"],
            "validation_score": means[name],
            "optimism_gap": means[name] - line["score"],
            **_test_interval(reading, role),
        }
    return found


def _test_interval(reading: Reading, role: str) -> dict[str, float | None]:
    values = reading.fact("errors").get("per_example")
    if role != "winner" or not values or reading.plan.metric not in ("accuracy", "mse"):
        return {"low": None, "high": None}
    groups = reading.fact("errors").get("groups") or list(range(len(values)))
    low, high = statistics.grouped_bootstrap_interval(values, groups)
    return {"low": _finite(low), "high": _finite(high)}


def _provenance(reading: Reading) -> dict[str, Any]:
    sessions = reading.ledger.all("session")
    trials = sum(line["wall_seconds"] for line in reading.trials)
    booked = [line for line in reading.ledger.lines if "wall_seconds" in line]
    return {
        "command": next((line["command"] for line in sessions if line["command"]), ""),
        "hardware": sessions[0]["hardware"],
        "versions": sessions[0]["versions"],
        "hashes": {
            "plan": reading.plan.digest(),
            "data": reading.plan.data_digest,
            "ledger": digest([line["key"] for line in reading.trials]),
        },
        "started": sessions[0]["time"],
        "finished": next((line["time"] for line in reading.ledger.all("end")), None),
        "sessions": len(sessions),
        "wall_seconds": sum(line["wall_seconds"] for line in booked),
        "training_seconds": trials,
        "bookkeeping_seconds": sum(line["bookkeeping_seconds"] for line in reading.ledger.all("end")),
        "canary_drift": _drift(reading),
        "seeds": sorted({line["seed"] for line in reading.trials}),
        "num_trials": len(reading.trials),
    }


def _not_shown(reading: Reading) -> list[dict[str, str]]:
    failed = [
        {"what": f"trial {line['key']} ({line['model']}, {line['size']}) failed", "why": line["reason"]}
        for line in reading.trials
        if line["status"] != "ok"
    ]
    skipped = [
        {"what": f"probe {probe['name']}", "why": probe["skipped"]}
        for probe in reading.fact("probes").get("probes", [])
        if probe.get("skipped")
    ]
    stages = Counter(line["stage"] for line in reading.trials)
    tuning = {"what": f"{stages['tune']} tuning trials", "why": "in ledger.jsonl; they chose the settings"}
    later = {"what": "explanations and compression", "why": "not part of a comparison"}
    slow = [
        {"what": f"{name} took no part", "why": "its steps are too slow for the budget"}
        for name in reading.plan.models
        if name not in reading.models
    ]
    return [*failed, *slow, *skipped, tuning, later]


def _whole(lines: Sequence[Record]) -> list[Record]:
    return [line for line in lines if line["status"] == "ok"]


def _drift(reading: Reading) -> float:
    times = [line["seconds"] for line in reading.ledger.all("canary")]
    return max((abs(b / a - 1) for a, b in pairwise(times)), default=0.0)


def _plain(line: Record, drop: Sequence[str] = ()) -> dict[str, Any]:
    hidden = {"kind", "key", "seal", "wall_seconds", *drop}
    return {key: value for key, value in line.items() if key not in hidden}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
