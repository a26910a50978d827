"""What a report says beside the verdict: data, provenance, and what is not shown."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bicameral.studies.judge import words
from bicameral.studies.judge.reading import Reading, Record

DRIFT_LIMIT = 0.05
UNEQUAL = 0.1  # of the mean: seconds of one family beside those of another


def data_card(reading: Reading) -> dict[str, Any]:
    """The data and their audit."""
    found = list(reading.fact("audit").get("findings", []))
    return {**plain(reading.fact("data")), "audit": found, "overridden": bool(reading.plan.override_audit)}


def provenance(reading: Reading) -> dict[str, Any]:
    """What it takes to run the study again. The ledger's hash is its last seal: it covers every line."""
    sessions, lines = reading.ledger.all("session"), reading.ledger.lines
    ends = reading.ledger.all("end")
    return {
        "command": next((line["command"] for line in sessions if line["command"]), ""),
        "hardware": sessions[0]["hardware"],
        "versions": sessions[0]["versions"],
        "hashes": {
            "plan": reading.plan.digest(),
            "data": reading.plan.data_digest,
            "ledger": lines[-1]["seal"],
        },
        "started": sessions[0]["time"],
        "finished": ends[0]["time"] if ends else None,
        "sessions": len(sessions),
        "wall_seconds": max(line.get("elapsed_seconds", 0.0) for line in lines),
        "training_seconds": sum(line["wall_seconds"] for line in reading.trials),
        "family_seconds": _family_seconds(reading),
        "bookkeeping_seconds": sum(line["bookkeeping_seconds"] for line in ends),
        "canary_drift": _drift(reading),
        "seeds": sorted({line["seed"] for line in reading.trials}),
        "num_trials": len(reading.trials),
    }


def _family_seconds(reading: Reading) -> dict[str, float]:
    """Seconds of one training of each model that is trained step by step."""
    return {
        name: one.seconds
        for name, one in reading.trained.items()
        if one.steps is not None and one.seconds is not None
    }


def caveats(reading: Reading) -> list[str]:
    """What the machine and the budget did to the comparison."""
    told = [*_paces(reading), *_unequal(reading)]
    if not reading.keeps_outcomes:
        told.append(
            "an older version made this study and kept one score a replicate: judged by the corrected t of "
            "those, which tells less than the examples would"
        )
    if reading.plan.override_audit:
        told.append("the audit was overridden: see its findings before trusting this")
    drift = _drift(reading)
    if drift > DRIFT_LIMIT:
        told.append(
            f"the machine's speed changed by {100 * drift:.0f} % during the study (repeated canary job)"
        )
    return told


def _paces(reading: Reading) -> list[str]:
    short = [line for line in reading.ledger.all("pace") if 0 < line["part"] < 1]
    if not short:
        return []
    rounds = words.plural(sum(line.get("rounds", 1) for line in short), "round")
    return [
        f"{rounds} shortened, for all alike, to {100 * min(line['part'] for line in short):.0f} % or "
        "more of the length; what was judged on the test part was trained in full"
    ]


def _unequal(reading: Reading) -> list[str]:
    """Equal seconds are promised where the budget is in time."""
    seconds = _family_seconds(reading)
    if reading.plan.trial_steps is not None or len(seconds) < 2:
        return []
    least, most = min(seconds, key=lambda name: seconds[name]), max(seconds, key=lambda name: seconds[name])
    mean = sum(seconds.values()) / len(seconds)
    if max(seconds[most] - mean, mean - seconds[least]) <= UNEQUAL * mean:
        return []
    return [
        f"device time of one training was not quite equal: {most} {words.duration(seconds[most])}, "
        f"{least} {words.duration(seconds[least])}"
    ]


def not_shown(reading: Reading) -> list[dict[str, str]]:
    """Failures and omissions."""
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
    slow = [
        {"what": f"{name} took no part", "why": "its steps are too slow for the budget"}
        for name in reading.plan.models
        if name not in reading.models
    ]
    left = [
        {"what": f"{line['model']} ran {line['after']} rounds", "why": "it was shown to be out of reach then"}
        for line in reading.ledger.all("left_behind")
    ]
    return [*failed, *slow, *left, *skipped, tuning]


def plain(line: Record, drop: Sequence[str] = ()) -> dict[str, Any]:
    """A line of the ledger without its bookkeeping."""
    hidden = {"kind", "key", "seal", "wall_seconds", *drop}
    return {key: value for key, value in line.items() if key not in hidden}


def _drift(reading: Reading) -> float:
    times = [line["seconds"] for line in reading.ledger.all("canary")]
    return max((abs(b / a - 1) for a, b in pairwise(times)), default=0.0)
