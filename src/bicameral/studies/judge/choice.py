"""The one model to take, and what taking it gives up."""

from collections.abc import Mapping, Sequence

from bicameral.studies.judge import words
from bicameral.studies.judge.results import Choice, Json, Row
from bicameral.studies.judge.verdict import Judgement

FASTER = 1.2  # times, or it is not worth a word


def choose(question: Json, rows: Sequence[Row], judgement: Judgement) -> Choice | None:
    """Choose the cheapest of the shortlist that meets the limits and is behind by the margin at most."""
    found = {row.name: row for row in rows}
    if not judgement.shortlist:
        return None
    best = found[judgement.trained[0]]
    close = [found[name] for name in judgement.shortlist if best.mean - found[name].mean <= question["rope"]]
    fit = [row for row in close if not missed(question["limits"], row)] or close
    chosen = min(fit, key=lambda row: (_cost(row), -row.mean))
    if _cost(best) <= FASTER * _cost(chosen) and (best in fit):
        chosen = best
    regret = judgement.regret[chosen.name]
    return Choice(
        name=chosen.name, regret=regret, sentence=_sentence(question, chosen, best, regret, judgement)
    )


def missed(limits: Mapping[str, float], row: Row) -> list[str]:
    """Name the limits of the device that a model was measured to miss."""
    measured = {
        "latency_ms": (row.latency_ms or {}).get("p95"),
        "disk_mb": (row.disk_mb or {}).get("value"),
        "peak_ram_mb": (row.peak_ram_mb or {}).get("value"),
    }
    return [
        f"{name} {value:.3g}, allowed {limit:g}"
        for name, limit in limits.items()
        if (value := measured.get(name)) is not None and value > limit
    ]


def _cost(row: Row) -> float:
    """Time of an answer, else the number of parameters; what has neither is free."""
    return latency(row) or float(row.parameters or 0)


def latency(row: Row) -> float | None:
    """Median milliseconds of one answer, where they were measured."""
    return (row.latency_ms or {}).get("p50")


def _sentence(question: Json, chosen: Row, best: Row, regret: float, judgement: Judgement) -> str:
    if len(judgement.trained) == 1:
        return f"choose {chosen.name}: there is nothing to compare it with"
    if len(judgement.shortlist) == 1:
        return f"choose {chosen.name}: everything else is shown to be worse"
    given_up = f"with 95 % it gives up at most {words.amount(question, regret)} against the best of all"
    return f"choose {chosen.name}: {given_up}{_faster(chosen, best)}"


def _faster(chosen: Row, best: Row) -> str:
    here, there = latency(chosen), latency(best)
    if chosen is best or not here or not there or there < FASTER * here:
        return ""
    return f", and answers {words.times(there / here)} faster than {best.name}"
