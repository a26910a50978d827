"""Budget curves against enumeration, and where they cross."""

from itertools import combinations

import numpy as np
import pytest

from bicameral.studies.judge.expected_best import Crossing, Curve, budget_curve, crossings, expected_best


def test_expected_best_equals_enumeration_of_all_subsets() -> None:
    scores = np.random.default_rng(0).normal(size=7)
    enumerated = [np.mean([max(some) for some in combinations(scores, k)]) for k in range(1, 8)]
    assert expected_best(scores) == pytest.approx(enumerated)


def test_expected_best_is_unbiased() -> None:
    """The mean of the largest of three standard normals is 3 / (2 √π)."""
    samples = np.random.default_rng(0).normal(size=(20_000, 8))
    assert expected_best(samples)[:, 2].mean() == pytest.approx(1.5 / np.sqrt(np.pi), abs=0.01)


def test_many_trials_do_not_overflow() -> None:
    assert expected_best(np.arange(2000.0))[-1] == pytest.approx(1999)


def test_budget_curve_rises_within_its_band_at_the_mean_cost() -> None:
    curve = budget_curve("gru", "recurrent", [0.5, 0.9, 0.7, 0.8], [1.0, 2.0, 3.0, 2.0], worst=0.1)
    assert curve.seconds == [2.0, 4.0, 6.0, 8.0]
    assert curve.expected_best[0] == pytest.approx(0.725)
    assert curve.expected_best[-1] == pytest.approx(0.9)
    assert np.all(np.diff(curve.expected_best) > 0)
    assert curve.scores == [0.5, 0.9, 0.7, 0.8]
    assert curve.low is curve.high is None


def test_only_many_trials_have_a_band() -> None:
    curve = budget_curve("gru", "recurrent", np.linspace(0.5, 0.9, 24).tolist(), [1.0] * 24, worst=0.1)
    assert np.all(np.array(curve.low) <= curve.expected_best)
    assert np.all(np.array(curve.high) >= np.array(curve.expected_best) - 1e-12)


def test_a_crashed_trial_costs_time_and_scores_worst() -> None:
    curve = budget_curve("gru", "recurrent", [0.9, None], [4.0, 2.0], worst=0.1)
    assert (curve.seconds[0], curve.expected_best[0]) == (3.0, pytest.approx(0.5))


def _curve(name: str, seconds: list[float], heights: list[float]) -> Curve:
    return Curve(name=name, family=name, seconds=seconds, expected_best=heights, scores=heights)


def test_crossings_name_who_leads_before_and_after() -> None:
    quick = _curve("resnet", [1.0, 2.0, 3.0], [0.6, 0.7, 0.72])
    slow = _curve("gru", [2.0, 4.0, 6.0], [0.5, 0.8, 0.9])
    assert crossings([quick, slow]) == [Crossing(seconds=4.0, before="resnet", after="gru")]
    assert crossings([slow, quick])[0].to_dict() == {"seconds": 4.0, "from": "resnet", "to": "gru"}
    assert crossings([quick]) == crossings([]) == []


def test_of_many_overtakings_only_the_last_is_told() -> None:
    even = _curve("resnet", [1.0, 2.0, 3.0, 4.0, 5.0], [0.5, 0.6, 0.7, 0.8, 0.9])
    close = _curve("gru", [1.0, 2.0, 3.0, 4.0, 5.0], [0.4, 0.7, 0.6, 0.9, 0.95])
    assert crossings([even, close]) == [Crossing(seconds=4.0, before="resnet", after="gru")]
