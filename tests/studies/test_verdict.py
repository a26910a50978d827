"""Verdicts on scores made so that the right answer is known, and the words that carry them."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from bicameral.errors import StudyError
from bicameral.studies.judge.conclusion import conclude
from bicameral.studies.judge.verdict import Contender, Rules, filled, judge, oriented, verdicts_against

QUESTION = {"metric": "accuracy", "unit": "%", "scale": 100, "higher_is_better": True, "rope": 0.01}
NOISE = np.array([0.004, -0.006, 0.002, 0.005, -0.003, -0.002])
FAMILIES = {"resnet": "convolutional", "gru": "recurrent", "tcn": "convolutional", "rglru": "recurrent"}


def contenders(**offsets: float) -> list[Contender]:
    shifts = {name: np.roll(NOISE, place) for place, name in enumerate(offsets)}
    return [
        Contender(name=name, scores=[0.9 + offset + noise for noise in shifts[name]], seconds=30.0)
        for name, offset in offsets.items()
    ]


def leaderboard(scored: list[Contender]) -> list[dict[str, Any]]:
    means = {name: scores.mean() for name, scores in filled(scored).items()}
    return [
        {
            "name": one.name,
            "family": FAMILIES.get(one.name, "baseline"),
            "role": "candidate" if one.name in FAMILIES else "baseline",
            "scores": list(one.scores),
        }
        for one in sorted(scored, key=lambda one: -means[one.name])
    ]


def told(scored: list[Contender], views: Any = None, rope: float = 0.01) -> dict[str, Any]:
    return conclude(QUESTION, leaderboard(scored), judge(scored, Rules(rope=rope)), views or {})


def test_every_pair_is_judged_best_first() -> None:
    pairs = judge(contenders(linear=-0.08, resnet=0.03, gru=0.0), Rules(rope=0.01))
    assert [(pair.a, pair.b) for pair in pairs] == [
        ("resnet", "gru"),
        ("resnet", "linear"),
        ("gru", "linear"),
    ]
    assert {pair.verdict for pair in pairs} == {"better"}
    assert pairs[0].difference == pytest.approx(0.03)
    assert all(pair.p_holm >= pair.p_value for pair in pairs)
    assert all(pair.low <= pair.difference <= pair.high for pair in pairs)


@pytest.mark.parametrize(
    ("offset", "verdict"), [(0.03, "better"), (0.001, "practically equal"), (0.014, "undecided")]
)
def test_verdict_follows_the_posterior(offset: float, verdict: str) -> None:
    [pair] = judge(contenders(resnet=offset, gru=0.0), Rules(rope=0.01))
    assert pair.verdict == verdict
    assert (pair.more_replicates is None) == (verdict != "undecided")


def test_minutes_are_the_time_of_both_contenders() -> None:
    [pair] = judge(contenders(resnet=0.014, gru=0.0), Rules(rope=0.01))
    assert pair.verdict == "undecided"
    assert pair.more_minutes == pytest.approx(pair.more_replicates)  # 30 s + 30 s each


def test_a_pair_seen_from_the_other_side_is_its_mirror() -> None:
    pairs = judge(contenders(resnet=0.03, gru=0.0), Rules(rope=0.01))
    back = oriented(pairs, "gru", "resnet")
    assert (back.verdict, back.difference, back.low) == ("worse", -pairs[0].difference, -pairs[0].high)
    assert back.p_worse == pairs[0].p_better
    assert asdict(back.flipped()) == asdict(pairs[0])
    assert verdicts_against("resnet", pairs) == {"resnet": "winner", "gru": "worse"}


def test_a_crash_counts_as_the_worst_score_seen() -> None:
    crashed = Contender(name="gru", scores=[0.99, None, 0.99], seconds=1.0)
    scores = filled([crashed, Contender(name="linear", scores=[0.7, 0.72, 0.71], seconds=1.0)])
    assert scores["gru"].tolist() == [0.99, 0.7, 0.99]


def test_nothing_to_judge_when_everything_crashed() -> None:
    with pytest.raises(StudyError, match="every replicate crashed"):
        judge([Contender(name="gru", scores=[None, None], seconds=1.0)], Rules(rope=0.01))


def test_the_sentence_names_the_rival_of_another_family() -> None:
    story = told(contenders(resnet=0.03, tcn=0.02, gru=0.0, linear=-0.2))
    assert story["winner"] == "resnet"
    assert story["sentence"].startswith("resnet (convolutional) beats gru (recurrent) by 3.0 points [")
    assert story["sentence"].endswith("], P(better by > 1) > 0.99")
    assert any(
        line.startswith("resnet beats the best baseline, linear, by 23.0 points") for line in story["lines"]
    )


def test_equal_and_undecided_rivals_are_told_as_such() -> None:
    equal = told(contenders(resnet=0.001, gru=0.0, linear=-0.2))
    assert "resnet (convolutional) and gru (recurrent) are practically equal" in equal["sentence"]
    open_ = told(contenders(resnet=0.014, gru=0.0, linear=-0.2))
    assert open_["sentence"].endswith(": undecided")
    assert any("would likely settle it" in line for line in open_["lines"])


def test_what_no_number_of_replicates_settles_is_told_once() -> None:
    story = told(contenders(resnet=0.011, gru=0.0, tcn=0.001, linear=-0.2))
    hopeless = [line for line in story["lines"] if "would not likely settle it" in line]
    assert hopeless == [
        "resnet against tcn and gru: undecided; even 50 more replicates would not likely settle it"
    ]


def test_a_baseline_that_is_as_good_is_enough() -> None:
    story = told(contenders(resnet=0.001, linear=0.0))
    assert story["sentence"].startswith(
        "a linear model is enough: resnet (convolutional), the best candidate,"
    )


def test_a_baseline_that_is_better_is_said_to_be_unbeaten() -> None:
    story = told(contenders(resnet=0.0, gru=-0.1, minirocket=0.03))
    assert story["sentence"].startswith("nothing beats the best baseline: minirocket beats resnet")
    assert "by 3.0 points" in story["sentence"]


@pytest.mark.parametrize(("offset", "word"), [(0.011, "leads"), (-0.011, "trails")])
def test_an_open_race_with_the_baseline_is_no_win(offset: float, word: str) -> None:
    story = told(contenders(resnet=offset, linear=0.0))
    assert story["sentence"].startswith("nothing is shown to beat the best baseline yet")
    assert f"{word} linear by 1.1 points" in story["sentence"]


def test_leading_under_one_fairness_view_only_is_part_of_the_sentence() -> None:
    def rank(*names: str) -> list[dict[str, Any]]:
        return [{"name": name, "rank": place} for place, name in enumerate(names, 1)]

    views = {
        "equal device-seconds": rank("resnet", "gru", "linear"),
        "equal training FLOPs": rank("linear", "gru", "resnet"),
        "equal samples seen": rank("gru", "resnet", "linear"),
    }
    story = told(contenders(resnet=0.03, gru=0.0, linear=-0.2), views)
    assert story["sentence"].endswith(", under equal device-seconds only")
    assert "resnet does not lead under equal training FLOPs and equal samples seen" in story["caveats"]
    beaten = told(contenders(resnet=0.03, gru=0.0, linear=0.3), views)
    assert beaten["sentence"].endswith("P(better by > 1) > 0.99")


def test_caveats_name_crashes_and_too_few_replicates() -> None:
    scored = contenders(resnet=0.03, gru=0.0, linear=-0.2)
    scored = [Contender(name=c.name, scores=c.scores[:4], seconds=c.seconds) for c in scored]
    scored[1] = Contender(name="gru", scores=[None, *scored[1].scores[1:]], seconds=30.0)
    caveats = " | ".join(told(scored)["caveats"])
    assert "gru: 1 of 4 replicates crashed" in caveats
    assert "only 4 replicates" in caveats
    assert "p = 0.125" in caveats


def test_one_candidate_alone_beats_nothing() -> None:
    assert "only contender" in told(contenders(resnet=0.0))["sentence"]


def test_a_faster_equal_is_pointed_out() -> None:
    scored = contenders(resnet=0.001, gru=0.0, linear=-0.2)
    rows = leaderboard(scored)
    for row, p50 in zip(rows, (3.4, 1.0, 0.1), strict=True):
        row["latency_ms"] = {"p50": p50}
    story = conclude(QUESTION, rows, judge(scored, Rules(rope=0.01)), {})
    assert "resnet and gru: practically equal; gru answers 3.4 times faster here" in story["lines"]
