"""Results as a pure function of plan, ledger and outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bicameral import registry
from bicameral.errors import StudyError
from bicameral.studies.judge import facts
from bicameral.studies.judge.choice import missed
from bicameral.studies.judge.conclusion import conclude
from bicameral.studies.judge.expected_best import Curve, budget_curve, crossings
from bicameral.studies.judge.fairness import views
from bicameral.studies.judge.reading import Reading, Record
from bicameral.studies.judge.results import Results, Row
from bicameral.studies.judge.rows import leaderboard
from bicameral.studies.judge.sealed import tested
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.plan import Plan


def summarise(plan: Plan, ledger: Ledger, question: Mapping[str, Any]) -> Results:
    """Build what results.json and the report say."""
    reading = Reading(plan, ledger)
    rows = leaderboard(reading, question)
    fair = views(rows, {name: reading.whole(name) for name in reading.models})
    found = conclude(question, rows, reading.judgement, fair)
    told = [*found.caveats, *facts.caveats(reading), *_limits(plan, rows, found.choice and found.choice.name)]
    curves = _curves(reading)
    probes = reading.fact("probes")
    return Results(
        question=dict(question),
        verdict=replace(found, caveats=told),
        leaderboard=rows,
        pairs=reading.judgement.pairs,
        views=fair,
        curves=curves,
        crossings=crossings(curves),
        pareto=_pareto(rows),
        data=facts.data_card(reading),
        probes=list(probes.get("probes", [])),
        recommendation=list(probes.get("recommendation", [])),
        errors=facts.plain(reading.fact("errors"), drop=("per_example",)) or None,
        test=tested(reading, question),
        provenance=facts.provenance(reading),
        not_shown=facts.not_shown(reading),
    )


def leading(plan: Plan, ledger: Ledger) -> tuple[str, str | None]:
    """The best candidate and the best baseline by mean judged score, the trained before the others."""
    reading = Reading(plan, ledger)
    candidates = [name for name in reading.models if plan.roles[name] == "candidate"]
    if not any(reading.whole(name) for name in candidates):
        reason = reading.replicates[candidates[0]][0]["reason"]
        raise StudyError(f"no candidate could be trained even once; {candidates[0]} failed with {reason}")
    candidate, baseline = reading.leaders()
    assert candidate is not None
    return candidate, baseline


def shipped(plan: Plan, ledger: Ledger) -> dict[str, str]:
    """The models whose final training is kept: the best of all roles, the best candidate and baseline."""
    candidate, baseline = leading(plan, ledger)
    names = [name for name in Reading(plan, ledger).judgement.names if name in (candidate, baseline)]
    found = {"best": names[0], "candidate": candidate}
    return found | ({"baseline": baseline} if baseline else {})


def _limits(plan: Plan, rows: Sequence[Row], name: str | None) -> list[str]:
    row = next((row for row in rows if row.name == name), rows[0])
    return [f"{row.name} misses the device's limit: {limit}" for limit in missed(plan.limits, row)]


def _curves(reading: Reading) -> list[Curve]:
    """Expected best of the first round of tuning, whose settings are one and the same random design."""
    rounds = {
        name: [line for line in reading.of("tune", name) if _rung(line) == 0] for name in reading.models
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


def _rung(line: Record) -> int:
    """The round of tuning; ledgers of older versions have it in the key alone, tune/model/rung/number."""
    return line["rung"] if "rung" in line else int(line["key"].split("/")[2])


def _pareto(rows: Sequence[Row]) -> list[str]:
    """Names no other beats in both quality and latency."""
    points = {row.name: (row.mean, row.latency_ms["p50"]) for row in rows if row.latency_ms}
    return [
        name
        for name, (score, latency) in points.items()
        if not any(s >= score and ms <= latency and (s, ms) != (score, latency) for s, ms in points.values())
    ]
