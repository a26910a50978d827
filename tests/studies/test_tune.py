"""The same design for every family, drawn anew in every replicate; the sane setting always among it."""

import numpy as np
import pytest

from bicameral import registry
from bicameral.studies.run import tune
from bicameral.studies.run.tune import Setting


def test_every_family_gets_the_same_recipes():
    one, other = (tune.settings(registry.entry(name), 8, seed=[3]) for name in ("lenet5", "gru"))
    assert [setting.recipe for setting in one] == [setting.recipe for setting in other]
    assert one[0].recipe == tune.FIRST
    assert [setting.number for setting in one] == list(range(8))


def test_another_replicate_draws_other_settings():
    one, other = (tune.settings(registry.entry("gru"), 4, seed=[seed]) for seed in (0, 1))
    assert one[0] == other[0]
    assert all(a.recipe != b.recipe for a, b in zip(one[1:], other[1:], strict=True))


def test_settings_spread_over_their_ranges():
    drawn = tune.settings(registry.entry("gru"), 65, [0])
    rates = np.array([setting.recipe["learning_rate"] for setting in drawn])
    low, high = tune.LEARNING_RATE
    assert ((rates >= low * 0.99) & (rates <= high * 1.01)).all()
    assert np.histogram(np.log(rates), bins=4)[0].min() >= 12  # log-uniform: 16 of 64 in each quarter


@pytest.mark.parametrize(("count", "alive"), [(1, []), (2, [2]), (3, [3]), (6, [6, 2]), (9, [9, 3])])
def test_a_third_survives_a_round_and_one_alone_is_not_tried(count, alive):
    assert [number for _, number in tune.rungs(count)] == alive
    assert tune.num_tried(count) == sum(alive)
    parts = tune.RUNGS[: len(alive)]
    assert tune.cost(count) == pytest.approx(sum(a * b for a, b in zip(parts, alive, strict=True)))


def tried(*found: tuple[float | None, float | None]):
    return [
        (Setting(number, "small", {}), {"score": score, "above_guessing": above})
        for number, (score, above) in enumerate(found)
    ]


def numbers(trials) -> list[int]:
    return [setting.number for setting in tune.survivors(trials, trials[0][0])]


def test_the_best_goes_on_failed_trials_rank_last_and_ties_keep_their_order():
    assert numbers(tried((0.5, 9.0), (None, None), (0.9, 9.0), (0.9, 9.0))) == [2]
    six = tried(*[(score, 9.0) for score in (0.1, 0.2, 0.6, 0.5, 0.3, 0.4)])
    assert numbers(six) == [2, 3]


@pytest.mark.parametrize("above", [-1.0, 0.0, 2.0])
def test_a_round_in_which_nothing_beats_guessing_decides_nothing(above):
    assert numbers(tried((0.1, 0.0), (0.2, above), (0.15, 0.1))) == [0]
    assert numbers(tried((None, None), (None, None))) == [0]


def test_where_guessing_is_not_known_the_round_decides():
    assert numbers(tried((0.1, None), (0.2, None), (0.15, None))) == [1]
