"""The same design for every family; the default setting always among it."""

import numpy as np
import pytest

from bicameral import registry
from bicameral.studies.run import tune


def test_every_family_gets_the_same_recipes():
    one, other = (tune.settings(registry.entry(name), 8, seed=3) for name in ("lenet5", "gru"))
    assert [setting["recipe"] for setting in one] == [setting["recipe"] for setting in other]
    assert one[0]["recipe"] == tune.FIRST


def test_settings_spread_over_their_ranges():
    rates = np.array(
        [setting["recipe"]["learning_rate"] for setting in tune.settings(registry.entry("gru"), 65, 0)]
    )
    low, high = tune.LEARNING_RATE
    assert ((rates >= low * 0.99) & (rates <= high * 1.01)).all()
    assert np.histogram(np.log(rates), bins=4)[0].min() >= 12  # log-uniform: 16 of 64 in each quarter


@pytest.mark.parametrize("count", range(1, 10))
def test_the_cost_of_tuning_is_the_length_of_its_rounds(count):
    half = (count + 1) // 2
    assert tune.cost(count) == pytest.approx(0.25 * count + 0.5 * half)


def test_failed_trials_rank_last_and_ties_keep_their_order():
    records = [
        {"key": key, "score": score} for key, score in [("a", None), ("b", 0.5), ("c", 0.9), ("d", 0.5)]
    ]
    assert [record["key"] for record in tune.best_first(records)] == ["c", "b", "d", "a"]
