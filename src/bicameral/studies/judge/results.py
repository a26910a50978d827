"""What a study found, as terminal, page and JSON show it: `results.json` is `to_json` of `Results`."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bicameral.studies.judge.expected_best import Crossing, Curve
from bicameral.studies.judge.trained import Trained
from bicameral.studies.judge.verdict import Pair, Verdict

VERSION = 2  # of results.json; 1: one score a replicate, and a "winner"
Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model on the leaderboard. Scores: higher is better; a crashed replicate is None."""

    name: str
    family: str
    role: str  # candidate, baseline or control
    size: str
    setting: Json
    scores: Sequence[float | None]
    mean: float
    low: float | None  # 95 %, inside the metric's range
    high: float | None
    metric_mean: float | None
    verdict: Verdict | None  # beside the best; None for the best itself
    p_best: float | None  # probability that no other is better; None where it was not trained
    trained: Trained
    parameters: int | None = None
    flops: float | None = None  # of one answer
    samples_seen: float | None = None
    train_flops: float | None = None
    latency_ms: Json | None = None
    peak_ram_mb: Json | None = None
    disk_mb: Json | None = None
    energy_mj: Json | None = None
    kernel_path: str | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One recommendation: the cheapest of the shortlist whose mean is within the margin of the best."""

    name: str
    regret: float  # against the best of all, at most, with probability 0.95
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """The verdict in words, first the choice; and who leads in which role."""

    choice: Choice | None  # None where nothing was trained enough
    shortlist: Sequence[str]
    best: str  # of all roles
    best_candidate: str | None
    best_baseline: str | None
    sentence: str
    lines: Sequence[str]
    caveats: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A model trained once more and judged on the sealed part."""

    name: str
    score: float
    metric_value: float
    metrics: Json
    low: float | None
    high: float | None
    replicates_mean: float
    num_train: int
    replicates_num_train: int


@dataclass(frozen=True, kw_only=True)
class TestPair:
    """Two models on the same sealed examples."""

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    method: str


@dataclass(frozen=True, kw_only=True)
class Test:
    """The sealed part, opened once: each that was judged there, and the two beside each other."""

    best: Tested | None
    candidate: Tested | None
    baseline: Tested | None
    pair: TestPair | None


@dataclass(frozen=True, kw_only=True)
class View:
    """A model at an equal amount of something; score None: not reached."""

    name: str
    rank: int | None
    score: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything a report says."""

    question: Json
    verdict: Conclusion
    leaderboard: Sequence[Row]
    pairs: Sequence[Pair]
    views: Mapping[str, Sequence[View]]
    curves: Sequence[Curve]
    crossings: Sequence[Crossing]
    pareto: Sequence[str]
    data: Json
    probes: Sequence[Json]
    recommendation: Sequence[Json]
    errors: Json | None
    test: Test | None
    provenance: Json
    not_shown: Sequence[Json]
    version: int = field(default=VERSION)

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries and lists."""
        return {**dataclasses.asdict(self), "crossings": [one.to_dict() for one in self.crossings]}
