"""Splits: complete and disjoint, whole groups, classes in proportion, and no value on both sides in time."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bicameral.data.examples.windows import windows
from bicameral.data.read import read
from bicameral.data.split.splits import seal, split
from bicameral.errors import DataError


def labelled(y, **options):
    return read((np.zeros((len(y), 3)), y), **options)


def check_partition(parts, rows) -> None:
    joined = np.concatenate(parts)
    np.testing.assert_array_equal(np.sort(joined), rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=8, max_size=80), st.integers(0, 99))
def test_stratified_parts_are_complete_and_hold_every_class(y, seed):
    if len(set(y)) < 2 or max(np.bincount(y)) < 4:
        return
    data = labelled(y)
    rest, test = seal(data, seed=seed)
    check_partition((rest, test), np.arange(len(y)))
    often = [label for label, count in enumerate(np.bincount(data.targets)) if count > 1]
    assert set(often) <= set(data.targets[test].tolist())
    assert set(data.targets[rest].tolist()) == set(data.targets.tolist())


def test_stratified_parts_keep_proportions():
    data = labelled([0] * 800 + [1] * 200)
    parts = split(data, seed=0)
    assert parts.how == "stratified"
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == pytest.approx(
        [600, 200, 200], abs=3
    )
    assert [data.targets[part].mean() for part in (parts.train, parts.val, parts.test)] == pytest.approx(
        [0.2] * 3, abs=0.01
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(6, 20), st.integers(0, 99))
def test_no_group_is_in_two_parts(num_groups, seed):
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, num_groups, 200))
    if len(set(groups)) < 2:
        return
    data = labelled(rng.integers(0, 3, 200), groups=groups)
    rest, test = seal(data, seed=seed)
    parts = (rest, test)
    check_partition(parts, np.arange(200))
    seen = [set(data.groups[part]) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen))


def test_groups_keep_classes_in_proportion():
    rng = np.random.default_rng(0)
    groups = np.arange(600) // 10
    y = (groups < 30).astype(int) ^ (rng.random(600) < 0.1)
    data = labelled(y, groups=groups)
    shares = [y[seal(data, seed=seed)[1]].mean() for seed in range(10)]
    assert np.abs(np.array(shares) - y.mean()).max() < 0.1


def test_published_parts_are_kept_and_val_is_drawn_from_train():
    data = labelled([0, 1] * 20, split=["train"] * 30 + ["test"] * 10)
    parts = split(data, seed=0)
    assert parts.how == "published"
    assert parts.test.tolist() == list(range(30, 40))
    check_partition((parts.train, parts.val), np.arange(30))
    three = labelled([0, 1] * 20, split=["train"] * 20 + ["val"] * 10 + ["test"] * 10)
    assert split(three, seed=0).val.tolist() == list(range(20, 30))
    assert len(seal(three, seed=0)[0]) == 30


def test_where_only_val_is_published_it_is_the_test():
    data = labelled([0, 1] * 20, split=["train"] * 30 + ["val"] * 10)
    assert seal(data, seed=0)[1].tolist() == list(range(30, 40))


def test_a_class_of_one_stays_in_train():
    data = labelled([0] * 20 + [1] * 20 + [2])
    for seed in range(5):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parts = split(data, seed=seed)
        assert 40 in parts.train


@pytest.mark.parametrize("y", [np.linspace(0, 1, 50), np.tile([[0, 1], [1, 0]], (25, 1))])
def test_numbers_and_several_labels_are_drawn_at_random(y):
    parts = split(labelled(y), seed=3)
    assert parts.how in ("random", "stratified")
    check_partition((parts.train, parts.val, parts.test), np.arange(50))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: labelled([1] * 10), "one class only"),
        (lambda: labelled([0]), "one class only"),
        (lambda: labelled([0, 1]), "2 examples, too few"),
        (lambda: labelled([0, 1] * 5, groups=["a"] * 10), "10 examples .* all are equal to the byte"),
        (lambda: read((np.eye(9), [0, 1, 0] * 3), groups=["a"] * 9), "group 'a', which may not stand in two"),
        (lambda: read(np.zeros(50)), "windows"),
    ],
)
def test_what_cannot_be_split_says_why(data, message):
    with pytest.raises(DataError, match=message):
        split(data(), seed=0)


def test_fractions_must_add_up():
    with pytest.raises(DataError, match="add up to 1"):
        split(labelled([0, 1] * 9), seed=0, fractions=(0.5, 0.2, 0.2))


def test_stamped_series_share_one_calendar(tmp_path):
    days = np.datetime64("2020-01-01") + np.arange(60)
    early = "".join(f"a,{day},1\n" for day in days[:40])
    late = "".join(f"b,{day},2\n" for day in days[20:])
    (tmp_path / "x.csv").write_text("unique_id,ds,y\n" + early + late)
    cut = windows(read(tmp_path / "x.csv"), lookback=3, horizon=1)
    rest, test = seal(cut, seed=0)
    assert max(cut.times[row][-1] for row in rest) < min(cut.times[row][-1] for row in test)
    assert set(cut.groups[test]) == {"b"}


def test_a_series_too_short_for_its_horizon_says_so():
    cut = windows(read(np.arange(14, dtype=np.float32)), lookback=2, horizon=6)
    with pytest.raises(DataError, match="shorten the horizon"):
        split(cut, seed=0)
