"""The verdict in plain words: one sentence, the lines below it, and the caveats it must carry."""

from collections.abc import Mapping, Sequence

from bicameral.studies.judge import words
from bicameral.studies.judge.choice import FASTER, choose, latency
from bicameral.studies.judge.results import Conclusion, Json, Row, View
from bicameral.studies.judge.verdict import Judgement, Pair

ENOUGH_REPLICATES = 6


def conclude(
    question: Json, rows: Sequence[Row], judgement: Judgement, views: Mapping[str, Sequence[View]]
) -> Conclusion:
    """Say what is shown, and of what is not, what would settle it. `rows` as `judgement.names` has them."""
    story = _Story(question, rows, judgement)
    return Conclusion(
        choice=choose(question, rows, judgement),
        shortlist=judgement.shortlist,
        best=rows[0].name,
        best_candidate=story.candidate and story.candidate.name,
        best_baseline=story.baseline and story.baseline.name,
        sentence=story.headline(),
        lines=story.lines(),
        caveats=[*story.caveats(), *_view_caveats(judgement, views)],
    )


class _Story:
    """What can be told about the best candidate."""

    def __init__(self, question: Json, rows: Sequence[Row], judgement: Judgement):
        self.question, self.rows, self.judgement = question, rows, judgement
        trained = [row for row in rows if row.name in judgement.trained]
        self.found = {row.name: row for row in rows}
        self.candidate = _first(trained, "candidate") or _first(rows, "candidate")
        others = [row for row in trained if row.role != "candidate"] or [
            r for r in rows if r.role != "candidate"
        ]
        self.baseline = others[0] if others else None
        self.pairs = self._pairs()

    def _pairs(self) -> list[Pair]:
        """The candidate beside every other trained model, the best first."""
        subject = self.candidate and self.candidate.name
        if subject not in self.judgement.trained:
            return []
        return [self.judgement.between(subject, name) for name in self.judgement.trained if name != subject]

    def headline(self) -> str:
        if self.candidate is None or not self.pairs:
            return self._nothing_to_judge()
        pair = self._against(self.baseline)
        if pair is not None and pair.verdict != "better":
            return self._no_better_than(pair)
        rival = self._rival()
        if rival is not None:
            return self._beside(rival)
        return self._beside(pair) if pair else self._nothing_to_judge()

    def _nothing_to_judge(self) -> str:
        candidates = [row for row in self.rows if row.role == "candidate"]
        untrained = [row.name for row in candidates if row.trained.why_not]
        if untrained and len(untrained) == len(candidates):
            names = f"{words.listing(untrained)} {_was(untrained)}"
            return f"nothing is shown: {names} not trained enough to be judged"
        name = self.candidate.name if self.candidate else self.rows[0].name
        return f"{self._named(name)} is the only contender, so there is nothing to beat"

    def _against(self, row: Row | None) -> Pair | None:
        return next((pair for pair in self.pairs if row is not None and pair.b == row.name), None)

    def _rival(self) -> Pair | None:
        """The best candidate of another family, else the next best candidate."""
        assert self.candidate is not None
        rivals = [pair for pair in self.pairs if self.found[pair.b].role == "candidate"]
        foreign = [pair for pair in rivals if self.found[pair.b].family != self.candidate.family]
        return next(iter([*foreign, *rivals]), None)

    def _no_better_than(self, pair: Pair) -> str:
        candidate = f"{self._named(pair.a)}, the best candidate,"
        if pair.verdict == "practically equal":
            model = f"a {pair.b} model" if pair.b == "linear" else pair.b
            return f"{model} is enough: {candidate} is practically equal to it ({self._sizes(pair)})"
        if pair.verdict == "worse":
            return f"nothing beats the best baseline: {pair.b} beats {candidate} by {self._sizes(pair)}"
        lead = "leads" if pair.difference > 0 else "trails"
        sizes = f"{lead} {pair.b} by {self._sizes(pair)}"
        return f"nothing is shown to beat the best baseline yet: {candidate} {sizes}"

    def _beside(self, pair: Pair) -> str:
        a, b = self._named(pair.a), self._named(pair.b)
        if pair.verdict == "practically equal":
            return f"{a} and {b} are practically equal: they differ by {self._sizes(pair)}"
        if pair.verdict == "better":
            return f"{a} beats {b} by {self._sizes(pair)}"
        return f"{a} leads {b} by {self._sizes(pair)}: undecided"

    def _named(self, name: str) -> str:
        row = self.found[name]
        return f"{name} ({row.family})" if row.role == "candidate" and row.family != "baseline" else name

    def _sizes(self, pair: Pair) -> str:
        """Amount, interval and chance, of whoever of the two is ahead, by name."""
        ahead = pair if pair.difference >= 0 else pair.flipped()
        rope = words.significant(self.question["rope"] * self.question["scale"])
        equal = pair.verdict == "practically equal"
        event = f"within {rope}" if equal else f"{ahead.a} better by > {rope}"
        chance = ahead.p_equal if equal else ahead.p_better
        told = [words.amount(self.question, ahead.difference)]
        if ahead.low is not None and ahead.high is not None:
            told.append(words.interval(self.question, ahead.low, ahead.high))
        return f"{' '.join(told)}, {words.chance_of(event, chance or 0.0)}"

    def lines(self) -> list[str]:
        """Say the best baseline, then who is better, equal, open and beaten, and who was not trained."""
        equal = [
            f"{pair.a} and {pair.b}: practically equal{self._speed(pair)}"
            for pair in self._all("practically equal")
        ]
        told = [self._baseline_line(), *equal, *self._open_lines(), *self._ordered(), *self._untrained()]
        return [line for line in told if line]

    def _all(self, verdict: str) -> list[Pair]:
        return [pair for pair in self.pairs if pair.verdict == verdict]

    def _ordered(self) -> list[str]:
        better, worse = ([pair.b for pair in self._all(verdict)] for verdict in ("better", "worse"))
        name = self.candidate.name if self.candidate else ""
        lines = [f"{name} is worse than {words.listing(worse)}"] if worse else []
        return [*lines, f"{name} is better than {words.listing(better)}"] if better else lines

    def _baseline_line(self) -> str:
        if self.baseline is None:
            return "no baseline took part, so nothing says whether a network is needed at all"
        pair = self._against(self.baseline)
        if pair is None or self._rival() is None or pair.verdict != "better":
            return ""
        return f"{pair.a} beats the best baseline, {pair.b}, by {self._sizes(pair)}"

    def _open_lines(self) -> list[str]:
        undecided = self._all("undecided")
        mendable = [pair for pair in undecided if pair.more_replicates]
        lines = [f"{pair.a} and {pair.b}: undecided; {_remedy(pair)}" for pair in mendable]
        hopeless = [pair.b for pair in undecided if not pair.more_replicates]
        if hopeless and self.candidate:
            names = f"{self.candidate.name} against {words.listing(hopeless)}"
            lines.append(
                f"{names}: undecided; more replicates alone would not settle it; more data, longer training "
                "or a wider margin may"
            )
        return lines

    def _untrained(self) -> list[str]:
        rows = [row for row in self.rows if row.trained.why_not]
        lines = [f"{row.name}: not trained enough to be judged; {row.trained.why_not}" for row in rows]
        top = max(
            (row for row in self.rows if row.name in self.judgement.trained),
            key=lambda r: r.mean,
            default=None,
        )
        ahead = [row.name for row in rows if top is not None and row.mean > top.mean]
        if not ahead or top is None:
            return lines
        return [
            *lines,
            f"{words.listing(ahead)} scored above {top.name} all the same: more time may turn the order",
        ]

    def _speed(self, pair: Pair) -> str:
        a, b = (latency(self.found[name]) for name in (pair.a, pair.b))
        if not a or not b:
            return ""
        fast, ratio = (pair.a, b / a) if a < b else (pair.b, a / b)
        return f"; {fast} answers {words.times(ratio)} faster here" if ratio >= FASTER else ""

    def caveats(self) -> list[str]:
        told = [*map(_crash_caveat, self.rows), self._few_caveat()]
        return [caveat for caveat in told if caveat]

    def _few_caveat(self) -> str:
        num = max(len(row.scores) for row in self.rows)
        if num >= ENOUGH_REPLICATES:
            return ""
        return f"only {words.plural(num, 'replicate')}: how much is luck is hardly known; six are better"


def _first(rows: Sequence[Row], role: str) -> Row | None:
    return next((row for row in rows if row.role == role), None)


def _was(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _crash_caveat(row: Row) -> str:
    crashed = sum(score is None for score in row.scores)
    of = words.plural(len(row.scores), "replicate")
    return f"{row.name}: {crashed} of {of} crashed and count as the worst score seen" if crashed else ""


def _remedy(pair: Pair) -> str:
    assert pair.more_replicates is not None
    time = f" (about {words.duration(max(1, round(pair.more_minutes * 60)))})" if pair.more_minutes else ""
    return f"{words.plural(pair.more_replicates, 'more replicate')}{time} would likely settle it"


def _view_caveats(judgement: Judgement, views: Mapping[str, Sequence[View]]) -> list[str]:
    """Name who is better than the best under another view: its interval lies above the other's."""
    if not judgement.trained:
        return []
    best, told = judgement.trained[0], []
    for view, ranked in views.items():
        own = next((one for one in ranked if one.name == best), None)
        if view == "equal device-seconds" or own is None or own.high is None:
            continue
        better = [one.name for one in ranked if one.low is not None and one.low > own.high]
        if better:
            told.append(f"{words.listing(better)} {_is(better)} better than {best} under {view}")
    return told


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
