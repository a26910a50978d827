"""Verdicts on scores made so that the right answer is known, and the words that carry them."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from bicameral.studies.judge.conclusion import conclude
from bicameral.studies.judge.evidence import Scores
from bicameral.studies.judge.results import Conclusion, Row, View
from bicameral.studies.judge.trained import Trained, how_trained
from bicameral.studies.judge.verdict import Costs, Judgement, Rules, judge

QUESTION: dict[str, Any] = {
    "metric": "accuracy",
    "unit": "%",
    "scale": 100,
    "higher_is_better": True,
    "rope": 0.01,
    "limits": {},
}
NOISE = np.array([0.004, -0.006, 0.002, 0.005, -0.003, -0.002])
FAMILIES = {"resnet": "convolutional", "gru": "recurrent", "tcn": "convolutional", "rglru": "recurrent"}


def evidence(**offsets: float) -> Scores:
    return Scores(
        {name: 0.9 + offset + np.roll(NOISE, place) for place, (name, offset) in enumerate(offsets.items())},
        0.0,
    )


def judged(untrained: dict[str, str] | None = None, **offsets: float) -> Judgement:
    return judge(evidence(**offsets), Rules(rope=0.01), Costs(dict.fromkeys(offsets, 30.0), untrained or {}))


def rows_of(
    judgement: Judgement, scores: Scores, untrained: dict[str, str] | None = None, **latency: float
) -> list[Row]:
    return [
        Row(
            name=name,
            family=FAMILIES.get(name, "baseline"),
            role="candidate" if name in FAMILIES else "baseline",
            size="small",
            setting={},
            scores=scores.scores[name].tolist(),
            mean=scores.level(name).mean,
            low=None,
            high=None,
            metric_mean=None,
            verdict=None,
            p_best=None,
            trained=Trained(steps=10.0, epochs=2.0, seconds=1.0, why_not=(untrained or {}).get(name, "")),
            latency_ms={"p50": latency[name], "p95": 2 * latency[name]} if name in latency else None,
        )
        for name in judgement.names
    ]


def told(
    untrained: dict[str, str] | None = None,
    views: Any = None,
    latency: dict[str, float] | None = None,
    limits: dict[str, float] | None = None,
    **offsets: float,
) -> Conclusion:
    judgement = judged(untrained, **offsets)
    rows = rows_of(judgement, evidence(**offsets), untrained, **(latency or {}))
    return conclude({**QUESTION, "limits": limits or {}}, rows, judgement, views or {})


def test_every_pair_is_judged_best_first() -> None:
    found = judged(linear=-0.08, resnet=0.03, gru=0.0)
    names = [(pair.a, pair.b) for pair in found.pairs]
    assert names == [("resnet", "gru"), ("resnet", "linear"), ("gru", "linear")]
    assert {pair.verdict for pair in found.pairs} == {"better"}
    assert found.pairs[0].difference == pytest.approx(0.03)
    assert found.shortlist == ("resnet",)


@pytest.mark.parametrize(
    ("offset", "verdict"), [(0.03, "better"), (0.001, "practically equal"), (0.014, "undecided")]
)
def test_verdict_follows_the_posterior(offset: float, verdict: str) -> None:
    [pair] = judged(resnet=offset, gru=0.0).pairs
    assert pair.verdict == verdict
    assert (pair.more_replicates is None) == (verdict != "undecided")


def test_a_verdict_needs_the_family_wise_p_value_too() -> None:
    """Two of many: sure by its own posterior, but not once all pairs are counted; wins and defeats alike."""
    rng = np.random.default_rng(3)
    many = {f"model{number}": rng.normal(0, 0.02, 6) for number in range(12)}
    found = judge(Scores(many, 0.0), Rules(rope=0.0))
    loose = [pair for pair in found.pairs if (pair.p_better or 0) >= 0.95 and (pair.p_family or 0) >= 0.05]
    assert loose
    assert {pair.verdict for pair in loose} == {"undecided"}
    shown = [pair for pair in found.pairs if pair.verdict in ("better", "worse")]
    assert all(pair.p_family is not None and pair.p_family < 0.05 for pair in shown)


def test_equal_is_refused_where_one_example_weighs_more_than_the_margin(monkeypatch) -> None:
    coarse = evidence(resnet=0.0, gru=0.0)
    monkeypatch.setattr(Scores, "weight_of_one", lambda *_: 1 / 17)
    [pair] = judge(coarse, Rules(rope=0.01)).pairs
    assert pair.p_equal is not None
    assert (pair.p_equal > 0.95, pair.verdict) == (True, "undecided")


def test_minutes_are_the_time_of_both_models() -> None:
    [pair] = judged(resnet=0.014, gru=0.0).pairs
    assert pair.more_minutes == pytest.approx(pair.more_replicates)  # 30 s + 30 s each


def test_a_pair_seen_from_the_other_side_is_its_mirror() -> None:
    found = judged(resnet=0.03, gru=0.0)
    [pair], back = found.pairs, found.between("gru", "resnet")
    assert pair.high is not None
    assert (back.verdict, back.difference, back.low) == ("worse", -pair.difference, -pair.high)
    assert back.p_worse == pair.p_better
    assert asdict(back.flipped()) == asdict(pair)


def test_who_was_not_trained_is_neither_better_nor_worse_and_counts_in_no_family() -> None:
    why = {"tcn": "it saw 60 % of the training examples once"}
    found = judged(why, resnet=0.03, gru=0.0, tcn=-0.5)
    with_tcn = [pair for pair in found.pairs if "tcn" in (pair.a, pair.b)]
    assert {pair.verdict for pair in with_tcn} == {"not trained"}
    assert all(pair.p_better is pair.p_value is pair.low is None for pair in with_tcn)
    assert found.between("resnet", "gru") == judged(resnet=0.03, gru=0.0).between("resnet", "gru")
    assert "tcn" not in found.p_best
    assert "tcn" not in found.shortlist
    story = told(why, resnet=0.03, gru=0.0, tcn=-0.5)
    assert "tcn: not trained enough to be judged; it saw 60 % of the training examples once" in story.lines
    assert not any("better than" in line and "tcn" in line for line in story.lines)


def test_a_model_still_learning_that_scored_best_is_pointed_out() -> None:
    story = told({"tcn": "it was still getting better when its time was up"}, resnet=0.0, gru=-0.1, tcn=0.05)
    assert story.best == "resnet"
    assert "tcn scored above resnet all the same: more time may turn the order" in story.lines


def test_nothing_trained_is_nothing_shown() -> None:
    story = told({"resnet": "x", "gru": "x"}, resnet=0.0, gru=-0.1)
    assert story.sentence == "nothing is shown: resnet and gru were not trained enough to be judged"
    assert story.choice is None


@pytest.mark.parametrize(
    ("epochs", "scores", "mean", "word"),
    [
        (0.6, [0.3, 0.4], 0.8, "saw 60 %"),
        (5.0, [0.3, 0.4], 0.8, "still getting better"),
        (5.0, [0.3, 0.305], 0.8, ""),
        (5.0, [0.4, 0.3], 0.8, ""),
        (5.0, [0.3, 0.3], 0.2, "guessing"),
    ],
)
def test_trained_enough(epochs: float, scores: list[float], mean: float, word: str) -> None:
    history = {"epochs": epochs, "steps": 40, "val": [{"score": score} for score in scores]}
    lines = [{"train_seconds": 2.0, "history": history}] * 3
    found = how_trained(lines, rope=0.01, mean=mean, guess=0.25)
    assert (word in found.why_not) if word else not found.why_not
    assert (found.steps, found.epochs, found.seconds) == (40, epochs, 2.0)


def test_what_is_solved_at_once_is_always_trained() -> None:
    assert how_trained([{"train_seconds": 1.0}], rope=0.01, mean=0.1, guess=0.5).why_not == ""


def test_the_sentence_names_the_rival_of_another_family() -> None:
    story = told(resnet=0.03, tcn=0.02, gru=0.0, linear=-0.2)
    assert story.best == "resnet"
    assert story.sentence.startswith("resnet (convolutional) beats gru (recurrent) by 3.0 points [")
    assert story.sentence.endswith("], P(resnet better by > 1) > 0.99")
    assert any(
        line.startswith("resnet beats the best baseline, linear, by 23.0 points") for line in story.lines
    )


def test_equal_and_undecided_rivals_are_told_as_such() -> None:
    equal = told(resnet=0.001, gru=0.0, linear=-0.2)
    assert "resnet (convolutional) and gru (recurrent) are practically equal" in equal.sentence
    open_ = told(resnet=0.014, gru=0.0, linear=-0.2)
    assert open_.sentence.endswith(": undecided")
    assert any("would likely settle it" in line for line in open_.lines)


def test_what_replicates_do_not_settle_names_what_may() -> None:
    story = told(resnet=0.011, gru=0.0, tcn=0.001, linear=-0.2)
    told_ = [line for line in story.lines if "undecided" in line]
    assert told_ == [
        "resnet against tcn and gru: undecided; more replicates alone would not settle it; more data, longer "
        "training or a wider margin may"
    ]


def test_a_baseline_that_is_as_good_is_enough() -> None:
    story = told(resnet=0.001, linear=0.0)
    assert story.sentence.startswith("a linear model is enough: resnet (convolutional), the best candidate,")


def test_a_baseline_that_is_better_is_said_to_be_unbeaten_and_named_with_all_that_beat_the_candidate() -> (
    None
):
    story = told(resnet=0.0, gru=-0.1, mini_rocket=0.03, linear=0.06)
    assert story.sentence.startswith("nothing beats the best baseline: linear beats resnet")
    assert "by 6.0 points" in story.sentence
    assert "resnet is worse than linear and mini_rocket" in story.lines
    assert (story.best, story.best_candidate, story.best_baseline) == ("linear", "resnet", "linear")


@pytest.mark.parametrize(
    ("offset", "word", "ahead"), [(0.011, "leads", "resnet"), (-0.011, "trails", "linear")]
)
def test_an_open_race_with_the_baseline_is_no_win_and_the_chance_names_who_is_ahead(
    offset: float, word: str, ahead: str
) -> None:
    story = told(resnet=offset, linear=0.0)
    assert story.sentence.startswith("nothing is shown to beat the best baseline yet")
    assert f"{word} linear by 1.1 points" in story.sentence
    [pair] = judged(resnet=offset, linear=0.0).pairs
    assert (pair.a, f"P({ahead} better by > 1) = {pair.p_better:.2f}" in story.sentence) == (ahead, True)


def test_another_view_is_a_caveat_only_where_somebody_is_better_there() -> None:
    def view(*scores: tuple[str, float]) -> list[View]:
        return [
            View(name=name, rank=place, score=score, low=score - 0.01, high=score + 0.01)
            for place, (name, score) in enumerate(scores, 1)
        ]

    views = {
        "equal device-seconds": view(("resnet", 0.93), ("gru", 0.9)),
        "equal training FLOPs": view(("gru", 0.905), ("resnet", 0.9)),
        "equal samples seen": view(("gru", 0.95), ("resnet", 0.9)),
    }
    story = told(views=views, resnet=0.03, gru=0.0, linear=-0.2)
    assert story.caveats == ["gru is better than resnet under equal samples seen"]


def test_the_choice_is_the_cheapest_of_those_within_the_margin_and_names_its_regret() -> None:
    latency = {"resnet": 4.0, "gru": 1.0, "linear": 0.1}
    choice = told(latency=latency, resnet=0.004, gru=0.0, linear=-0.3).choice
    assert choice is not None
    assert choice.name == "gru"
    assert 0.004 < choice.regret < 0.02
    assert choice.sentence == (
        f"choose gru: with 95 % it gives up at most {100 * choice.regret:.1f} points against the best of all"
        ", and answers 4.0 times faster than resnet"
    )
    alone = told(latency=latency, resnet=0.2, gru=0.0, linear=-0.3).choice
    assert alone is not None
    assert alone.sentence == "choose resnet: everything else is shown to be worse"


def test_the_choice_meets_the_limits_where_one_does() -> None:
    latency = {"resnet": 4.0, "gru": 10.0, "linear": 1.0}
    choice = told(latency=latency, limits={"latency_ms": 5.0}, resnet=0.0, gru=0.005, linear=0.0).choice
    assert choice is not None
    assert choice.name == "linear"


def test_too_few_replicates_are_a_caveat() -> None:
    scores = Scores({name: found[:4] for name, found in evidence(resnet=0.03, gru=0.0).scores.items()}, 0.0)
    judgement = judge(scores, Rules(rope=0.01))
    rows = [replace(row, scores=[None, *row.scores[1:4]]) for row in rows_of(judgement, scores)]
    caveats = " | ".join(conclude(QUESTION, rows, judgement, {}).caveats)
    assert "gru: 1 of 4 replicates crashed" in caveats
    assert "only 4 replicates" in caveats


def test_one_candidate_alone_beats_nothing() -> None:
    assert "only contender" in told(resnet=0.0).sentence


def test_a_faster_equal_is_pointed_out() -> None:
    story = told(latency={"resnet": 3.4, "gru": 1.0, "linear": 0.1}, resnet=0.001, gru=0.0, linear=-0.2)
    assert "resnet and gru: practically equal; gru answers 3.4 times faster here" in story.lines
