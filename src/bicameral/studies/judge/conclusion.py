"""The verdict in plain words: one sentence, the lines below it, and the caveats it must carry."""

from collections.abc import Mapping, Sequence
from typing import Any

from bicameral.studies.judge import words
from bicameral.studies.judge.statistics import MOST_FURTHER
from bicameral.studies.judge.verdict import Pair, oriented

ENOUGH_REPLICATES = 6
SIGNIFICANT = 0.05
Row = Mapping[str, Any]


def conclude(
    question: Mapping[str, Any],
    leaderboard: Sequence[Row],
    pairs: Sequence[Pair],
    views: Mapping[str, Sequence[Row]],
) -> dict[str, Any]:
    """Return winner, family, sentence, lines and caveats; the winner is the candidate with the best mean.

    `leaderboard` is sorted best first. A family that leads under some fairness views only says so in the
    sentence itself.
    """
    winner = next(row for row in leaderboard if row["role"] == "candidate")
    told = _Story(question, leaderboard, pairs, winner)
    clause = _view_clause(winner["name"], leaderboard, views) if told.has_winner else ""
    return {
        "winner": winner["name"],
        "family": winner["family"],
        "sentence": told.headline() + clause,
        "lines": told.lines(),
        "caveats": [*told.caveats(), *_view_caveats(winner["name"], leaderboard, views)],
    }


class _Story:
    """What can be told about one winner."""

    def __init__(
        self, question: Mapping[str, Any], leaderboard: Sequence[Row], pairs: Sequence[Pair], winner: Row
    ):
        self.question, self.leaderboard, self.winner = question, leaderboard, winner
        self.rows = {row["name"]: row for row in leaderboard}
        others = [row["name"] for row in leaderboard if row is not winner]
        self.pairs = {name: oriented(pairs, winner["name"], name) for name in others}
        self.baseline = next((name for name in others if self.rows[name]["role"] == "baseline"), None)
        self.rival = self._rival(others)

    def _rival(self, others: Sequence[str]) -> str | None:
        """Return the best candidate of another family, else the next best candidate."""
        candidates = [name for name in others if self.rows[name]["role"] == "candidate"]
        foreign = [name for name in candidates if self.rows[name]["family"] != self.winner["family"]]
        return next(iter([*foreign, *candidates]), None)

    @property
    def has_winner(self) -> bool:
        """Whether the best candidate beats the best baseline, if there is one."""
        return self.baseline is None or self.pairs[self.baseline].verdict == "better"

    def headline(self) -> str:
        if self.baseline is not None and not self.has_winner:
            return self._no_better_than(self.pairs[self.baseline])
        if self.rival is not None:
            return self._against(self.pairs[self.rival])
        if self.baseline is not None:
            return self._against(self.pairs[self.baseline])
        return f"{self._named(self.winner['name'])} is the only contender, so there is nothing to beat"

    def _no_better_than(self, pair: Pair) -> str:
        best, candidate = pair.b, f"{self._named(pair.a)}, the best candidate"
        if pair.verdict == "practically equal":
            model = f"a {best} model" if best == "linear" else best
            return f"{model} is enough: {candidate}, is practically equal to it ({self._sizes(pair)})"
        if pair.verdict == "worse":
            back = pair.flipped()
            return f"nothing beats the best baseline: {best} beats {candidate}, by {self._sizes(back)}"
        lead = "leads" if pair.difference > 0 else "trails"
        return (
            f"nothing is shown to beat the best baseline yet: {candidate}, {lead} {best} "
            f"by {self._sizes(pair if pair.difference > 0 else pair.flipped())}"
        )

    def _against(self, pair: Pair) -> str:
        a, b = self._named(pair.a), self._named(pair.b)
        if pair.verdict == "practically equal":
            return f"{a} and {b} are practically equal: they differ by {self._sizes(pair)}"
        if pair.verdict == "better":
            return f"{a} beats {b} by {self._sizes(pair)}"
        return f"{a} leads {b} by {self._sizes(pair)}: undecided"

    def _named(self, name: str) -> str:
        return f"{name} ({self.rows[name]['family']})" if self.rows[name]["role"] == "candidate" else name

    def _sizes(self, pair: Pair) -> str:
        rope = words.significant(self.question["rope"] * self.question["scale"])
        equal = pair.verdict == "practically equal"
        event = f"within {rope}" if equal else f"better by > {rope}"
        chance = words.chance_of(event, pair.p_equal if equal else pair.p_better)
        bounds = words.interval(self.question, pair.low, pair.high)
        return f"{words.amount(self.question, pair.difference)} {bounds}, {chance}"

    def lines(self) -> list[str]:
        """Say the best baseline, then who is equal, who is open and who is beaten."""
        equal = [self._equal_line(pair) for pair in self._all("practically equal")]
        told = [self._baseline_line(), *equal, *self._open_lines()]
        beaten = [pair.b for pair in self._all("better")]
        if beaten:
            told.append(f"{self.winner['name']} is better than {words.listing(beaten)}")
        return [line for line in told if line]

    def _all(self, verdict: str) -> list[Pair]:
        return [pair for pair in self.pairs.values() if pair.verdict == verdict]

    def _baseline_line(self) -> str:
        if self.baseline is None:
            return "no baseline took part, so nothing says whether a network is needed at all"
        pair = self.pairs[self.baseline]
        if self.rival is None or pair.verdict != "better":
            return ""
        return f"{pair.a} beats the best baseline, {pair.b}, by {self._sizes(pair)}"

    def _equal_line(self, pair: Pair) -> str:
        return f"{pair.a} and {pair.b}: practically equal{self._speed(pair)}"

    def _open_lines(self) -> list[str]:
        undecided = self._all("undecided")
        mendable = [pair for pair in undecided if pair.more_replicates]
        lines = [f"{pair.a} and {pair.b}: undecided; {_remedy(pair)}" for pair in mendable]
        hopeless = [pair.b for pair in undecided if not pair.more_replicates]
        if hopeless:
            names = f"{self.winner['name']} against {words.listing(hopeless)}"
            lines.append(
                f"{names}: undecided; even {MOST_FURTHER} more replicates would not likely settle it"
            )
        return lines

    def _speed(self, pair: Pair) -> str:
        a, b = (_latency(self.rows[name]) for name in (pair.a, pair.b))
        if not a or not b:
            return ""
        fast, ratio = (pair.a, b / a) if a < b else (pair.b, a / b)
        return f"; {fast} answers {ratio:.1f} times faster here" if ratio >= 1.2 else ""

    def caveats(self) -> list[str]:
        told = [*map(self._crash_caveat, self.leaderboard), self._few_caveat(), self._holm_caveat()]
        return [caveat for caveat in told if caveat]

    def _crash_caveat(self, row: Row) -> str:
        crashed = sum(score is None for score in row["scores"])
        of = words.plural(len(row["scores"]), "replicate")
        return (
            f"{row['name']}: {crashed} of {of} crashed and count as the worst score seen" if crashed else ""
        )

    def _few_caveat(self) -> str:
        num = len(self.winner["scores"])
        if num >= ENOUGH_REPLICATES:
            return ""
        floor = min(1.0, 2 / 2**num)
        return (
            f"only {words.plural(num, 'replicate')}: an exact sign-flip test cannot fall below "
            f"p = {floor:.3g}; six reach 0.031"
        )

    def _holm_caveat(self) -> str:
        unsure = [
            name
            for name, pair in self.pairs.items()
            if pair.verdict == "better" and pair.p_holm > SIGNIFICANT
        ]
        if not unsure:
            return ""
        return (
            f"better than {words.listing(unsure)} by the posterior, but not at p < {SIGNIFICANT} "
            "once all pairs are counted (corrected t test, Holm)"
        )


def _remedy(pair: Pair) -> str:
    assert pair.more_replicates is not None
    assert pair.more_minutes is not None
    time = words.duration(max(1, round(pair.more_minutes * 60)))
    return f"{words.plural(pair.more_replicates, 'more replicate')} (about {time}) would likely settle it"


def _latency(row: Row) -> float | None:
    return (row.get("latency_ms") or {}).get("p50")


def _leads(name: str, leaderboard: Sequence[Row], views: Mapping[str, Sequence[Row]]) -> dict[str, bool]:
    """Return for each fairness view whether `name` is its best candidate."""
    candidates = {row["name"] for row in leaderboard if row["role"] == "candidate"}
    ranked = {
        view: [row["name"] for row in sorted(rows, key=lambda row: row["rank"]) if row["name"] in candidates]
        for view, rows in views.items()
    }
    return {view: order[0] == name for view, order in ranked.items() if order}


def _view_clause(name: str, leaderboard: Sequence[Row], views: Mapping[str, Sequence[Row]]) -> str:
    leads = _leads(name, leaderboard, views)
    where = [view for view, leading in leads.items() if leading]
    return f", under {where[0]} only" if len(where) == 1 and len(leads) > 1 else ""


def _view_caveats(name: str, leaderboard: Sequence[Row], views: Mapping[str, Sequence[Row]]) -> list[str]:
    lost = [view for view, leading in _leads(name, leaderboard, views).items() if not leading]
    return [f"{name} does not lead under {words.listing(lost)}"] if lost else []
