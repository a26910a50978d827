"""Each statistic against an independent oracle: scipy, enumeration, a published example or a simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from bicameral.studies.judge import statistics

SIX = (0.021, 0.034, 0.008, 0.027, 0.015, 0.041)


def test_independent_replicates_give_the_classical_t_test() -> None:
    assert statistics.corrected_t_p(SIX) == pytest.approx(stats.ttest_1samp(SIX, 0).pvalue)


def test_the_correction_divides_the_t_value_as_nadeau_and_bengio_write_it() -> None:
    classical = stats.ttest_1samp(SIX, 0).statistic
    t = classical * np.sqrt((1 / 6) / (1 / 6 + 0.25))
    assert statistics.corrected_t_p(SIX, test_to_train=0.25) == pytest.approx(2 * stats.t.sf(t, 5))


def test_posterior_reproduces_the_example_published_with_baycomp() -> None:
    """Naive Bayes against J48 in ten folds: 0.2858, 0.2692, 0.4450 with a ROPE of 0.5 (baycomp's manual).

    The manual prints no folds; their mean (0.3049) and spread follow from its results with and without ROPE.
    """
    centre, edge = stats.t.ppf(0.4145119975061462, 9), stats.t.ppf(0.2858446417379020, 9)
    scale = 0.5 / (centre - edge)
    differences = _with_moments(10, -centre * scale, scale / np.sqrt(1 / 10 + 1 / 9))
    found = statistics.posterior(differences, rope=0.5, test_to_train=1 / 9)
    assert differences.mean() == pytest.approx(0.3049)
    assert found == pytest.approx((0.2858446417379020, 0.2691518716880249, 0.4450034865740651), abs=1e-9)


def _with_moments(num: int, mean: float, deviation: float) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=num)
    return mean + deviation * (values - values.mean()) / values.std(ddof=1)


def test_posterior_without_rope_is_the_one_sided_p_value() -> None:
    found = statistics.posterior(SIX, rope=0.0, test_to_train=0.2)
    assert found.p_worse == pytest.approx(statistics.corrected_t_p(SIX, test_to_train=0.2) / 2)
    assert sum(found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("constant", "expected"), [(0.3, (0, 0, 1)), (0.01, (0, 1, 0)), (0.0, (0, 1, 0)), (-0.3, (1, 0, 0))]
)
def test_equal_differences_leave_no_doubt(constant: float, expected: tuple[float, ...]) -> None:
    assert statistics.posterior([constant] * 6, rope=0.01) == expected
    assert statistics.corrected_t_p([constant] * 6) == float(constant == 0)


def test_one_difference_decides_nothing() -> None:
    assert statistics.posterior([0.3], rope=0.01) == (0.5, 0.0, 0.5)
    assert statistics.corrected_t_p([0.3]) == statistics.sign_flip_p([0.3]) == 1.0
    assert statistics.bootstrap_interval([0.3]) == (-np.inf, np.inf)
    assert statistics.further_replicates([0.3], rope=0.01) is None


@pytest.mark.parametrize("num", [2, 5, 6, 9])
def test_sign_flip_equals_enumeration(num: int) -> None:
    differences = np.random.default_rng(num).normal(0.5, 1.0, num)
    flips = np.array([np.mean(differences * s) for s in itertools.product((1, -1), repeat=num)])
    extreme = np.mean(np.abs(flips) >= abs(differences.mean()) - 1e-12)
    assert statistics.sign_flip_p(differences) == pytest.approx(extreme)


def test_sign_flip_of_five_cannot_reach_five_percent_but_of_six_can() -> None:
    assert statistics.sign_flip_p(SIX[:5]) == pytest.approx(2 / 2**5)
    assert statistics.sign_flip_p(SIX) == pytest.approx(2 / 2**6)


def test_holm_reproduces_a_textbook_example() -> None:
    """Four hypotheses, the example of Wikipedia's article on the Holm–Bonferroni method."""
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_passes_one_and_keeps_the_order() -> None:
    p = np.random.default_rng(0).uniform(size=12)
    adjusted = np.array(statistics.holm(p.tolist()))
    assert (adjusted >= p).all()
    assert adjusted.max() <= 1
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_bootstrap_of_many_values_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=400)
    scipys = stats.bootstrap((values,), np.mean, method="percentile", rng=1).confidence_interval
    assert statistics.bootstrap_interval(values) == pytest.approx(tuple(scipys), abs=0.006)


def test_bootstrap_of_six_covers_the_truth_about_as_often_as_it_says() -> None:
    draws = np.random.default_rng(3).normal(size=(300, 6))
    intervals = [statistics.bootstrap_interval(row, seed=i) for i, row in enumerate(draws)]
    assert 0.91 <= np.mean([low <= 0 <= high for low, high in intervals]) <= 0.98


def test_bootstrap_widens_with_shared_training_examples() -> None:
    alone, shared = (statistics.bootstrap_interval(SIX, test_to_train=r) for r in (0.0, 0.5))
    assert shared.high - shared.low == pytest.approx(2 * (alone.high - alone.low))


def test_grouped_bootstrap_sees_that_copies_are_no_evidence() -> None:
    values = np.random.default_rng(0).normal(size=30)
    copies, groups = np.repeat(values, 20), np.repeat(np.arange(30), 20)
    once = statistics.bootstrap_interval(values)
    assert statistics.grouped_bootstrap_interval(copies, groups) == pytest.approx(once, abs=0.04)


def test_corrected_t_keeps_its_level_where_the_naive_test_does_not() -> None:
    """Correlated replicates of a true null: a shared part with the variance Nadeau & Bengio ascribe to it."""
    rng, ratio = np.random.default_rng(0), 0.25
    null = rng.normal(size=(2000, 6)) + np.sqrt(ratio) * rng.normal(size=(2000, 1))
    corrected = np.mean([statistics.corrected_t_p(row, test_to_train=ratio) < 0.05 for row in null])
    naive = np.mean([statistics.corrected_t_p(row) < 0.05 for row in null])
    assert corrected == pytest.approx(0.05, abs=0.015)
    assert naive > 0.12


def test_more_replicates_are_asked_for_the_less_clear_the_difference() -> None:
    noise = np.array([-1.2, 0.4, 0.9, -0.5, 1.1, -0.7])
    clear, vague = (statistics.further_replicates(noise + shift, rope=0.1) for shift in (1.2, 0.8))
    assert clear is not None
    assert vague is not None
    assert 1 <= clear < vague


def test_asked_replicates_do_settle_likely() -> None:
    """Continue one undecided study by simulation with the flat-prior posterior, independently written."""
    rng, seen = np.random.default_rng(1), np.array([0.5, 1.9, -0.7, 1.4, 0.1, 0.9])
    further = statistics.further_replicates(seen, rope=0.1)
    assert further is not None
    settled = 0
    for _ in range(400):
        sigma = np.sqrt(5 * seen.var(ddof=1) / rng.chisquare(5))
        centre = rng.normal(seen.mean(), sigma / np.sqrt(6))
        more = np.append(seen, rng.normal(centre, sigma, further))
        settled += max(statistics.posterior(more, rope=0.1)) >= 0.95
    assert settled / 400 == pytest.approx(statistics.LIKELY, abs=0.08)


def test_no_number_of_replicates_settles_what_the_split_cannot_show() -> None:
    assert statistics.further_replicates([-1.0, 1.0, -0.5, 0.6], rope=0.1, test_to_train=1.0) is None
