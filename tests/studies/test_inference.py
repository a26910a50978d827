"""The mean of a difference on examples and fits crossed, against plain statistics and made truth."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from bicameral.errors import StudyError
from bicameral.inference.cells import Cells, columns, pseudo_sums, summed
from bicameral.inference.crossed import WIDENING, Estimate, estimate
from bicameral.studies.judge import joint, power, racing
from bicameral.studies.judge.evidence import Answers, Scores
from bicameral.studies.record.outcomes import Outcomes
from bicameral.tasks import Classify, Regress

TASK = Classify(classes=("a", "b"))


def cells(values: np.ndarray, folds: np.ndarray, reach: float = 0.0) -> Cells:
    units = np.arange(len(values))
    sums = [summed(units[folds == fold], len(values), values[folds == fold]) for fold in np.unique(folds)]
    weights = [summed(units[folds == fold], len(values)) for fold in np.unique(folds)]
    return Cells(np.array(sums), np.array(weights), len(values), reach)


def outcomes(
    correct: np.ndarray, rows: np.ndarray, units: np.ndarray | None = None, task: Any = TASK
) -> Outcomes:
    kept = {"correct": correct.astype(float), "truth": rows % 2.0, "predicted": (rows + 1 - correct) % 2.0}
    return Outcomes(task=task, rows=rows, units=rows if units is None else units, statistics=kept)


def study(rates: dict[str, float], num: int = 400, folds: int = 6, seed: int = 0, luck: float = 0.0):
    """Models right on a share of the examples; `luck`: how much that share varies from fit to fit."""
    rng, rows = np.random.default_rng(seed), np.arange(num)
    return {
        name: {
            fold: outcomes(
                rng.random((rows % folds == fold).sum()) < rate + luck * rng.standard_normal(),
                rows[rows % folds == fold],
            )
            for fold in range(folds)
        }
        for name, rate in rates.items()
    }


def test_without_luck_of_the_fit_it_is_the_standard_error_of_the_examples():
    values, folds = np.random.default_rng(4).standard_normal(600), np.arange(600) % 6
    values -= np.array([values[folds == fold].mean() for fold in range(6)])[folds]
    one = estimate(cells(values, folds), widening=1.0)
    assert one.mean == pytest.approx(values.mean(), abs=1e-12)
    assert one.scale == pytest.approx(values.std(ddof=1) / np.sqrt(600))
    assert one.freedom == pytest.approx(599)


def test_where_the_fit_decides_it_is_the_t_interval_of_the_folds():
    rng, folds = np.random.default_rng(0), np.arange(600) % 6
    values = rng.standard_normal(6)[folds] + 0.01 * rng.standard_normal(600)
    means = np.array([values[folds == fold].mean() for fold in range(6)])
    expected = stats.t.interval(0.95, 5, means.mean(), stats.sem(means))
    assert estimate(cells(values, folds)).interval() == pytest.approx(expected, rel=0.02)


def test_groups_count_once():
    values = np.repeat(np.random.default_rng(0).standard_normal(12), 50)
    group, folds = np.repeat(np.arange(12), 50), np.repeat(np.arange(12), 50) % 6
    sums = np.array([summed(group[folds == fold], 12, values[folds == fold]) for fold in range(6)])
    weights = np.array([summed(group[folds == fold], 12) for fold in range(6)])
    one = estimate(Cells(sums, weights, 600, 0.0), widening=1.0)
    assert one.scale >= values[::50].std(ddof=1) / np.sqrt(12) * 0.999
    assert one.freedom <= 11


def test_ties_never_give_certainty():
    one = estimate(cells(np.zeros(17), np.arange(17) % 6, reach=1.0))
    assert 0 < one.chances(0.01).p_equal < 0.95
    assert estimate(cells(np.zeros(5000), np.arange(5000) % 6, reach=1.0)).chances(0.01).p_equal > 0.99


def test_one_fit_says_nothing():
    assert estimate(cells(np.ones(9), np.zeros(9))).chances(0.01) == (0.5, 0.0, 0.5)


def test_coverage_is_kept_with_and_without_luck():
    rng, folds = np.random.default_rng(0), np.arange(300) % 6
    for luck in (0.0, 0.05, 0.3):
        hits = [
            low <= 0 <= high
            for low, high in (
                estimate(
                    cells(rng.standard_normal(300) + luck * rng.standard_normal(6)[folds], folds)
                ).interval()
                for _ in range(400)
            )
        ]
        assert 0.925 <= np.mean(hits) <= 0.995, luck


def test_interval_posterior_and_p_value_are_one_model():
    one = Estimate(0.03, 0.01, 7.0)
    low, _ = one.interval(1 - one.p_value())
    assert low == pytest.approx(0, abs=1e-9)
    assert sum(one.chances(0.01)) == pytest.approx(1)
    assert one.chances(0.01).p_better == pytest.approx(stats.t.sf(-2.0, 7))


def test_pseudo_values_of_a_mean_are_its_sums():
    values, column = np.random.default_rng(0).random(50), np.arange(50) % 8
    assert pseudo_sums(column, 8, lambda places: values[places].mean()) == pytest.approx(
        summed(column, 8, values)
    )


def test_a_metric_that_is_no_mean_scatters_as_its_bootstrap_says():
    rng, rows = np.random.default_rng(0), np.arange(600)
    task = Classify(classes=("a", "b"), metric="macro_f1")
    found = {
        name: {f: outcomes(rng.random(100) < rate, rows[rows % 6 == f], task=task) for f in range(6)}
        for name, rate in (("a", 0.9), ("b", 0.8))
    }
    answers = Answers(found)
    assert not answers.is_mean
    again = []
    for _ in range(200):
        drawn = {f: rng.integers(100, size=100) for f in range(6)}
        again.append(
            np.mean(
                [
                    found["a"][f].take(drawn[f]).score() - found["b"][f].take(drawn[f]).score()
                    for f in range(6)
                ]
            )
        )
    one = estimate(answers._between("a", "b"), widening=1.0)
    assert one.mean == pytest.approx(answers.level("a").mean - answers.level("b").mean)
    assert 0.8 * np.std(again) < one.scale < 1.6 * np.std(again)


def test_a_crash_counts_as_the_worst_score_and_no_common_fit_says_nothing():
    found: dict[str, Any] = study({"a": 0.9, "b": 0.6})
    found["a"][2] = None
    answers = Answers(found)
    worst = min(one.score() for fits in found.values() for one in fits.values() if one)
    assert answers._sums["a", 2].sum() == pytest.approx(worst * len(found["b"][2].rows))
    apart = Answers({"a": {0: found["b"][0], 1: found["b"][1]}, "b": {4: found["b"][4], 5: found["b"][5]}})
    assert apart.difference("a", "b").p_value() == 1.0


def test_models_judged_on_different_examples_are_refused():
    one, other = study({"a": 0.9})["a"], study({"a": 0.9}, num=500)["a"]
    with pytest.raises(StudyError, match="different examples"):
        Answers({"a": one, "b": other})


def test_the_old_rule_stays_what_it_was():
    scores = {"a": np.array([0.9, 0.91, 0.92, 0.9]), "b": np.array([0.8, 0.82, 0.81, 0.8])}
    one, gaps = Scores(scores, 0.4).difference("a", "b"), scores["a"] - scores["b"]
    assert one.scale == pytest.approx(gaps.std(ddof=1) * np.sqrt(1 / 4 + 0.4))


def pairs_of(answers: Answers) -> dict[tuple[str, str], Estimate]:
    return joint.both_ways(
        {
            (a, b): answers.difference(a, b)
            for i, a in enumerate(answers.names)
            for b in answers.names[i + 1 :]
        }
    )


def test_chances_of_the_best_are_shared_by_equals_and_regret_shrinks_to_nothing_for_the_sure_best():
    answers = Answers(study({"a": 0.9, "b": 0.9, "c": 0.5}, num=1200))
    pairs, names = pairs_of(answers), ["a", "b", "c"]
    chances = joint.chances_of_best(names, pairs, "a")
    assert sum(chances.values()) == pytest.approx(1)
    assert chances["c"] == 0
    assert 0.02 < chances["b"] < 0.98
    assert joint.regret("c", names, pairs) > 0.4
    assert joint.regret("a", ["a", "c"], pairs) == 0


def test_family_wise_p_values_are_between_single_and_bonferroni():
    answers = Answers(study({"a": 0.9, "b": 0.86, "c": 0.84, "d": 0.8}, num=1200, seed=1))
    pairs = pairs_of(answers)
    for key, p in joint.family_wise(answers.names, pairs).items():
        assert pairs[key].p_value() <= p <= min(1, 6 * pairs[key].p_value() + 0.02)


def test_racing_leaves_behind_the_hopeless_alone_and_spends_its_error_once():
    answers = Answers(study({"a": 0.9, "b": 0.89, "c": 0.5}, num=1200))
    assert racing.out_of_reach(answers, done=6, planned=12) == ["c"]
    assert racing.out_of_reach(answers, done=2, planned=12) == []
    assert racing.spent(12, 12) == pytest.approx(racing.ERROR)
    assert 0 < racing.spent(2, 12) < racing.spent(6, 12) < racing.ERROR


def test_power_is_what_a_study_then_finds():
    rng, rows = np.random.default_rng(0), np.arange(1000)
    values = rng.choice([-1, 0, 1], p=[0.05, 0.9, 0.05], size=1000)
    found = estimate(cells(values.astype(float), rows % 6)).half_width()
    assert power.half_width(1000, 6, fit_spread=0.0) == pytest.approx(found, rel=0.15)
    assert power.half_width(1000, 6) > power.half_width(4000, 6) > power.half_width(4000, 12)
    assert power.half_width(1000, 6, units=8) > power.half_width(1000, 6)
    assert power.half_width(1000, 1) == np.inf


def test_merged_units_keep_the_variance():
    units = [np.arange(9000)]
    [column] = columns(units)
    assert column.max() < 4096
    values = np.random.default_rng(0).standard_normal(9000)
    merged = Cells(
        np.array([summed(column, 4096, values)] * 2), np.array([summed(column, 4096)] * 2), 9000, 0.0
    )
    plain = values.std() / np.sqrt(9000) * np.sqrt(WIDENING)
    assert estimate(merged).scale == pytest.approx(plain, rel=0.05)


def test_an_unbounded_metric_reaches_as_far_as_it_usually_does():
    rng, task = np.random.default_rng(0), Regress(columns=("y",), mean=(0.0,), deviation=(1.0,))

    def fit(rows):
        return Outcomes(
            task=task,
            rows=rows,
            units=rows,
            statistics={
                "truth": rng.standard_normal((len(rows), 1)),
                "squared_error": np.ones((len(rows), 1)) * 0.5,
                "absolute_error": np.ones((len(rows), 1)),
            },
        )

    found = {f: fit(np.arange(40) + 40 * f) for f in range(4)}
    one = Answers({"a": found, "b": found}).difference("a", "b")
    assert one.mean == 0
    assert 0 < one.scale < 0.5
