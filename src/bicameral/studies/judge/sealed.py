"""The sealed part, opened once: how good, and how far apart two models are on the same examples."""

import numpy as np
from scipy import stats

from bicameral.inference.cells import columns, summed
from bicameral.inference.crossed import Estimate
from bicameral.studies.judge.reading import Reading, Record
from bicameral.studies.judge.results import Json, Test, Tested, TestPair
from bicameral.studies.judge.rows import bounds
from bicameral.studies.record.outcomes import Outcomes

RESAMPLES = 2_000


def tested(reading: Reading, question: Json) -> Test | None:
    """Read what the final trials say; None before the sealed part is opened."""
    opened = {name: line for name, line in reading.finals.items() if line["status"] == "ok"}
    if not reading.finals:
        return None
    candidate, baseline = (name if name in opened else None for name in reading.leaders())
    best = reading.judgement.names[0]
    found = {name: _tested(reading, question, name, line) for name, line in opened.items()}
    return Test(
        best=found.get(best),
        candidate=found[candidate] if candidate else None,
        baseline=found[baseline] if baseline else None,
        pair=_pair(reading, candidate, baseline) if candidate and baseline else None,
    )


def _tested(reading: Reading, question: Json, name: str, line: Record) -> Tested:
    outcomes = reading.outcomes(line) if line.get("outcomes") else None
    low, high = bounds(_level(outcomes), question) if outcomes else (None, None)
    whole = reading.whole(name)
    return Tested(
        name=name,
        score=line["score"],
        metric_value=line["metric_value"],
        metrics=line["metrics"],
        low=low,
        high=high,
        replicates_mean=reading.evidence.level(name).mean,
        num_train=line["num_train"],
        replicates_num_train=round(float(np.mean([one["num_train"] for one in whole]))) if whole else 0,
    )


def _level(outcomes: Outcomes) -> Estimate:
    """The score of one model, from resampled units."""
    drawn = [outcomes.take(places).score() for places in _resampled(outcomes.units, 200)]
    return Estimate(outcomes.score(), float(np.nanstd(drawn)), float(len(np.unique(outcomes.units)) - 1))


def _pair(reading: Reading, a: str, b: str) -> TestPair | None:
    lines = [reading.finals[name] for name in (a, b)]
    if not all(line.get("outcomes") for line in lines):
        return None
    first, second = (reading.outcomes(line) for line in lines)
    assert first is not None
    assert second is not None
    difference = first.score() - second.score()
    if _are_hits(first) and _are_hits(second) and len(np.unique(first.units)) == len(first.units):
        return _mcnemar(a, b, first.per_example(), second.per_example())
    return _bootstrapped(a, b, first, second, difference)


def _are_hits(outcomes: Outcomes) -> bool:
    values = outcomes.per_example()
    return bool(np.isin(values, (0.0, 1.0)).all() and abs(values.mean() - outcomes.score()) < 1e-9)


def _mcnemar(a: str, b: str, first: np.ndarray, second: np.ndarray) -> TestPair:
    """The exact test of McNemar (1947), and the interval of Bonett & Price (2012)."""
    only_a, only_b, num = int((first > second).sum()), int((first < second).sum()), len(first)
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    alone = (only_a + 1) / (num + 2), (only_b + 1) / (num + 2)
    center = alone[0] - alone[1]
    half = float(stats.norm.ppf(0.975) * np.sqrt((sum(alone) - center**2) / (num + 2)))
    return TestPair(
        a=a,
        b=b,
        difference=(only_a - only_b) / num,
        low=center - half,
        high=center + half,
        p_value=p,
        method=f"exact McNemar: {only_a} only by {a}, {only_b} only by {b}",
    )


def _bootstrapped(a: str, b: str, first: Outcomes, second: Outcomes, difference: float) -> TestPair:
    drawn = [
        first.take(places).score() - second.take(places).score()
        for places in _resampled(first.units, RESAMPLES if len(first.rows) <= 2_000 else 300)
    ]
    one = Estimate(difference, float(np.nanstd(drawn)), float(len(np.unique(first.units)) - 1))
    if one.freedom < 1 or one.scale == 0:
        one = Estimate(difference, np.inf, 1.0)
    low, high = one.interval() if one.is_known else (None, None)
    p = one.p_value() if one.is_known else None
    return TestPair(a=a, b=b, difference=difference, low=low, high=high, p_value=p, method="paired bootstrap")


def _resampled(units: np.ndarray, times: int) -> list[np.ndarray]:
    """Draw units with replacement, whole, and return the places of their examples."""
    [column] = columns([units])
    ends = np.cumsum(summed(column, int(column.max()) + 1)).astype(int)
    members = np.split(np.argsort(column, kind="stable"), ends[:-1])
    held = [places for places in members if len(places)]
    rng = np.random.default_rng(0)
    return [
        np.concatenate([held[one] for one in rng.integers(len(held), size=len(held))]) for _ in range(times)
    ]
