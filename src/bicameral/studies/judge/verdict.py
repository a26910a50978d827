"""The verdict: which contender is better, worse or practically equal, and what cannot be said yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from bicameral.errors import StudyError
from bicameral.studies.judge import statistics

Verdict = Literal["better", "worse", "practically equal", "undecided"]
OPPOSITE: dict[str, Verdict] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A family in its chosen setting, replicated; a crashed replicate has the score None."""

    name: str
    scores: Sequence[float | None]  # higher is better, paired by position across contenders
    seconds: float  # of one replicate on the device


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What the paired differences a - b say."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p_better: float
    p_equal: float
    p_worse: float
    p_value: float
    p_holm: float
    sign_flip_p: float
    verdict: Verdict
    replicates: int
    more_replicates: int | None  # None: settled, or no number would likely settle it
    more_minutes: float | None

    def flipped(self) -> "Pair":
        """Return the same comparison seen from b."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            p_better=self.p_worse,
            p_worse=self.p_better,
            verdict=OPPOSITE.get(self.verdict, self.verdict),
        )


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a difference counts, and when it counts as shown."""

    rope: float  # the smallest difference of scores worth caring about
    test_to_train: float = 0.0  # judged over training examples; 0: replicates share nothing
    threshold: float = 0.95  # posterior probability that decides


def judge(contenders: Sequence[Contender], rules: Rules) -> list[Pair]:
    """Compare every two contenders, the one with the better mean first, best first overall."""
    scores = filled(contenders)
    ranked = sorted(contenders, key=lambda one: -scores[one.name].mean())
    pairs = [_compare(a, b, scores[a.name] - scores[b.name], rules) for a, b in combinations(ranked, 2)]
    adjusted = statistics.holm([pair.p_value for pair in pairs])
    return [replace(pair, p_holm=p) for pair, p in zip(pairs, adjusted, strict=True)]


def filled(contenders: Sequence[Contender]) -> dict[str, np.ndarray]:
    """Return the scores by name, a crash counted as the worst score any contender got.

    A crash is a failure, not an omission: leaving it out would reward whoever crashes on hard replicates.
    """
    observed = [score for one in contenders for score in one.scores if score is not None]
    if not observed:
        raise StudyError("every replicate crashed, so there is nothing to judge; the ledger says why")
    worst = min(observed)
    return {
        one.name: np.array([worst if score is None else score for score in one.scores]) for one in contenders
    }


def oriented(pairs: Sequence[Pair], a: str, b: str) -> Pair:
    """Find the comparison of two contenders, seen from `a`."""
    pair = next(pair for pair in pairs if {pair.a, pair.b} == {a, b})
    return pair if pair.a == a else pair.flipped()


def verdicts_against(winner: str, pairs: Sequence[Pair]) -> dict[str, str]:
    """Return what each contender is, beside the winner: "winner", "worse", "practically equal" ..."""
    others = {name for pair in pairs for name in (pair.a, pair.b)} - {winner}
    return {winner: "winner"} | {name: oriented(pairs, name, winner).verdict for name in sorted(others)}


def _compare(a: Contender, b: Contender, differences: np.ndarray, rules: Rules) -> Pair:
    ratio = rules.test_to_train
    chances = statistics.posterior(differences, rope=rules.rope, test_to_train=ratio)
    low, high = statistics.bootstrap_interval(differences, test_to_train=ratio)
    verdict = _verdict(chances, rules.threshold)
    more = _further(differences, rules) if verdict == "undecided" else None
    return Pair(
        a=a.name,
        b=b.name,
        difference=float(differences.mean()),
        low=low,
        high=high,
        **chances._asdict(),
        p_value=statistics.corrected_t_p(differences, test_to_train=ratio),
        p_holm=1.0,
        sign_flip_p=statistics.sign_flip_p(differences),
        verdict=verdict,
        replicates=len(differences),
        more_replicates=more,
        more_minutes=None if more is None else more * (a.seconds + b.seconds) / 60,
    )


def _verdict(chances: statistics.Posterior, threshold: float) -> Verdict:
    names: tuple[Verdict, ...] = ("worse", "practically equal", "better")
    surest = max(range(3), key=lambda index: chances[index])
    return names[surest] if chances[surest] >= threshold else "undecided"


def _further(differences: np.ndarray, rules: Rules) -> int | None:
    return statistics.further_replicates(
        differences, rope=rules.rope, test_to_train=rules.test_to_train, threshold=rules.threshold
    )
