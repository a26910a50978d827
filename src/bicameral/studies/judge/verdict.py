"""The verdict: which model is better, worse or practically equal, what is open, and what was not trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

from bicameral.inference.crossed import Estimate, further_fits
from bicameral.studies.judge import joint
from bicameral.studies.judge.evidence import Evidence

Verdict = Literal["better", "worse", "practically equal", "undecided", "not trained"]
OPPOSITE: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a difference counts, and when it counts as shown."""

    rope: float  # the smallest difference of scores worth caring about
    threshold: float = 0.95  # posterior probability that decides
    significant: float = 0.05  # p value, for all pairs together, that better and worse need besides


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What is known of a - b. Without chances where one of the two was not trained."""

    a: str
    b: str
    verdict: Verdict
    replicates: int  # that both have
    difference: float
    low: float | None = None
    high: float | None = None
    p_better: float | None = None
    p_equal: float | None = None
    p_worse: float | None = None
    p_value: float | None = None
    p_family: float | None = None  # adjusted for all pairs (max-t)
    more_replicates: int | None = None  # None: settled, or no number would likely settle it
    more_minutes: float | None = None

    def flipped(self) -> "Pair":
        """Return the same comparison seen from b."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            p_better=self.p_worse,
            p_worse=self.p_better,
            verdict=OPPOSITE.get(self.verdict, self.verdict),
        )


@dataclass(frozen=True)
class Judgement:
    """Every two models compared, best first, and all of them together."""

    names: tuple[str, ...]  # by mean, best first; those that were not trained behind
    trained: tuple[str, ...]
    pairs: tuple[Pair, ...]
    p_best: Mapping[str, float]  # of the trained
    shortlist: tuple[str, ...]  # that are not shown to be worse than the best
    regret: Mapping[str, float]  # of each on the shortlist: at most, with probability 0.95

    def between(self, a: str, b: str) -> Pair:
        """Find the comparison of two models, seen from `a`."""
        pair = next(pair for pair in self.pairs if {pair.a, pair.b} == {a, b})
        return pair if pair.a == a else pair.flipped()


@dataclass(frozen=True)
class Costs:
    """What further replicates would cost, and who was not trained enough to be judged."""

    seconds: Mapping[str, float] = field(default_factory=dict)  # of one replicate
    untrained: Mapping[str, str] = field(default_factory=dict)  # model -> why


def judge(evidence: Evidence, rules: Rules, costs: Costs = Costs()) -> Judgement:
    """Compare every two models. Better and worse need the posterior and a p value for all pairs together."""
    means = {name: evidence.level(name).mean for name in evidence.names}
    names = sorted(evidence.names, key=lambda name: (name in costs.untrained, -means[name]))
    trained = [name for name in names if name not in costs.untrained]
    found = {(a, b): evidence.difference(a, b) for a, b in combinations(trained, 2)}
    both = joint.both_ways(found)
    family = joint.family_wise(trained, both)
    pairs = [
        _judged(a, b, found[a, b], family[a, b], evidence, rules, costs)
        if (a, b) in found
        else _unjudged(a, b, evidence)
        for a, b in combinations(names, 2)
    ]
    worse = {pair.b for pair in pairs if trained and pair.a == trained[0] and pair.verdict == "better"}
    shortlist = [name for name in trained if name not in worse]
    return Judgement(
        names=tuple(names),
        trained=tuple(trained),
        pairs=tuple(pairs),
        p_best=joint.chances_of_best(trained, both, trained[0]) if trained else {},
        shortlist=tuple(shortlist),
        regret={name: joint.regret(name, trained, both) for name in shortlist},
    )


def _judged(
    a: str, b: str, one: Estimate, p_family: float, evidence: Evidence, rules: Rules, costs: Costs
) -> Pair:
    chances, num = one.chances(rules.rope), evidence.num_fits(a, b)
    verdict = _verdict(one, p_family, rules, coarse=evidence.weight_of_one(a, b) > rules.rope)
    more = further_fits(one, num, rope=rules.rope) if verdict == "undecided" else None
    seconds = sum(costs.seconds.get(name, 0.0) for name in (a, b))
    low, high = one.interval() if one.is_known else (None, None)
    return Pair(
        a=a,
        b=b,
        verdict=verdict,
        replicates=num,
        difference=one.mean,
        low=low,
        high=high,
        **chances._asdict(),
        p_value=one.p_value(),
        p_family=p_family,
        more_replicates=more,
        more_minutes=None if more is None else more * seconds / 60,
    )


def _unjudged(a: str, b: str, evidence: Evidence) -> Pair:
    return Pair(
        a=a,
        b=b,
        verdict="not trained",
        replicates=evidence.num_fits(a, b),
        difference=evidence.difference(a, b).mean,
    )


def _verdict(one: Estimate, p_family: float, rules: Rules, *, coarse: bool) -> Verdict:
    """Decide; `coarse`: one judged example weighs more than the margin, so nothing can be called equal."""
    worse, equal, better = one.chances(rules.rope)
    if equal >= rules.threshold and not coarse:
        return "practically equal"
    if max(better, worse) >= rules.threshold and p_family < rules.significant:
        return "better" if better > worse else "worse"
    return "undecided"
