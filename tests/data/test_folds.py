"""Folds: every example judged once a repetition, groups whole, classes in proportion, time forward."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bicameral.data.examples.segments import segments
from bicameral.data.examples.windows import windows
from bicameral.data.read import read
from bicameral.data.split.folds import fold, most_folds
from bicameral.data.split.splits import seal
from bicameral.errors import DataError


def labelled(y, **options):
    return read((np.zeros((len(y), 3)), y), **options)


def repetition(data, rows, folds, seed=0):
    return [fold(data, rows, number=number, folds=folds, seed=seed) for number in range(folds)]


def check_judged_once(parts, rows) -> None:
    np.testing.assert_array_equal(np.sort(np.concatenate([judged for _, _, judged in parts])), rows)
    for train, val, judged in parts:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, val, judged])), rows)
        assert min(len(train), len(val), len(judged)) > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=12, max_size=90), st.integers(2, 6), st.integers(0, 99))
def test_every_example_is_judged_once_and_classes_keep_their_proportions(y, folds, seed):
    y = [*y, 0, 0, 1, 1]
    data, rows = labelled(y), np.arange(len(y))
    parts = repetition(data, rows, folds, seed)
    check_judged_once(parts, rows)
    sizes = [len(judged) for _, _, judged in parts]
    assert max(sizes) - min(sizes) <= 1
    for label, count in enumerate(np.bincount(data.targets)):
        in_fold = [(data.targets[judged] == label).sum() for _, _, judged in parts]
        assert max(in_fold) - min(in_fold) <= 1
        if count > 1:
            assert all(label in data.targets[train] for train, _, _ in parts)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.integers(3, 6), st.integers(0, 99), st.booleans())
def test_groups_are_whole_and_every_group_is_judged(num_groups, folds, seed, singles):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(num_groups), rng.integers(0, num_groups, 150)])
    if singles:
        groups = np.concatenate([groups, 1000 + np.arange(60)])
    data, rows = labelled(rng.integers(0, 3, len(groups)), groups=groups), np.arange(len(groups))
    folds = most_folds(data, rows, folds)
    parts = repetition(data, rows, folds, seed)
    check_judged_once(parts, rows)
    for one in parts:
        seen = [set(data.groups[part]) for part in one]
        assert sum(map(len, seen)) == len(set.union(*seen))


def test_folds_of_groups_are_of_about_one_size_and_mixture():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), rng.integers(2, 30, 60))
    y = (groups % 3 == 0).astype(int)
    data = labelled(y, groups=groups)
    parts = repetition(data, np.arange(len(y)), 5)
    sizes = np.array([len(judged) for _, _, judged in parts])
    shares = np.array([y[judged].mean() for _, _, judged in parts])
    assert np.ptp(sizes) < 0.1 * sizes.mean()
    assert np.abs(shares - y.mean()).max() < 0.05


def test_a_repetition_divides_anew_and_a_seed_always_alike():
    data, rows = labelled([0, 1] * 50), np.arange(100)
    one, again, other = (repetition(data, rows, 5, seed) for seed in (1, 1, 2))
    for (_, _, a), (_, _, b) in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert {tuple(judged) for _, _, judged in one} != {tuple(judged) for _, _, judged in other}


def test_the_training_part_is_no_smaller_than_it_was():
    data = labelled([0, 1] * 300)
    for folds in (4, 5, 6):
        train, val, _ = fold(data, np.arange(600), number=0, folds=folds, seed=0)
        assert len(train) >= 0.59 * 600
        assert len(val) >= 0.14 * 600


@pytest.mark.parametrize(("asked", "groups", "folds"), [(6, 3, 3), (6, 50, 6), (4, 50, 4), (6, 2, 2)])
def test_there_are_no_more_folds_than_groups(asked, groups, folds):
    data = labelled([0, 1] * 50, groups=np.arange(100) % groups)
    assert most_folds(data, np.arange(100), asked) == folds


def test_one_group_cannot_be_divided():
    data = read((np.eye(9), [0, 1, 0] * 3), groups=["a"] * 9)
    with pytest.raises(DataError, match="group 'a', which may not stand in two"):
        fold(data, np.arange(9), number=0, folds=2, seed=0)


def values_of(cut, rows) -> set:
    return {
        (group, value)
        for row in rows
        for group, value in [(cut.groups[row], v) for v in cut.targets[row].ravel()]
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(60, 150), st.integers(1, 6), st.integers(0, 50), st.booleans())
def test_no_value_to_forecast_is_in_two_parts(length, horizon, seed, several):
    series = [
        np.arange(length + extra, dtype=np.float32)[:, None] for extra in ((0, 37) if several else (0,))
    ]
    cut = windows(read(series), lookback=4, horizon=horizon)
    rest, test = seal(cut, seed=seed)
    for train, val, judged in repetition(cut, rest, most_folds(cut, rest, 6), seed):
        parts = [values_of(cut, rows) for rows in (train, val, judged, test)]
        assert all(parts)
        assert sum(map(len, parts)) == len(set.union(*parts))


def test_blocks_of_time_are_judged_once_after_training_parts_of_one_length():
    cut = windows(read(np.arange(800, dtype=np.float32)), lookback=10, horizon=5)
    rest, test = seal(cut, seed=0)
    parts = repetition(cut, rest, 6)
    judged = [set(rows) for _, _, rows in parts]
    assert sum(map(len, judged)) == len(set.union(*judged))
    for train, val, rows in parts:
        assert train.max() < val.min() <= val.max() < rows.min() <= rows.max() < test.min()
        assert len(train) == pytest.approx(len(parts[0][0]), abs=1)
    assert len(parts[0][0]) >= 0.48 * len(rest)
    moved = repetition(cut, rest, 6, seed=1)
    assert moved[0][2].max() != parts[0][2].max()


def test_folds_of_one_text_follow_each_other():
    cut = segments(read(["the quick brown fox jumps over it " * 60], answer="next"), context=16)
    rest = np.flatnonzero(cut.split != "test")
    for train, val, judged in repetition(cut, rest, 4):
        assert cut.targets.end[train].max() <= cut.targets.begin[val].min()
        assert cut.targets.end[val].max() <= cut.targets.begin[judged].min()


def test_a_short_series_has_fewer_folds():
    cut = windows(read(np.arange(90, dtype=np.float32)), lookback=10, horizon=10)
    assert most_folds(cut, seal(cut, seed=0)[0], 6) == 1
