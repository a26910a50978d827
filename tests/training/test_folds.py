"""Folds: classes in proportion, groups whole, windows in runs."""

import numpy as np

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import windows
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.tasks import Classify, Forecast
from bicameral.training.folds import folds, left_out_together

TASK = Classify(classes=("a", "b"))


def prepared(y, groups=None):
    x = list(np.random.default_rng(0).normal(size=(len(y), 4, 1)).astype(np.float32))
    dataset = Dataset(name="made", kind="series", items=x, targets=y, classes=TASK.classes, groups=groups)
    return Prepared(dataset, fit_preprocessing(dataset, np.arange(len(y))))


def test_classes_are_in_proportion():
    y = np.repeat([0, 1], [40, 10])
    found = folds(TASK, prepared(y))
    assert np.bincount(found[y == 0]).tolist() == [8] * 5
    assert np.bincount(found[y == 1]).tolist() == [2] * 5


def test_seed_decides():
    train = prepared(np.arange(50) % 2)
    assert np.array_equal(folds(TASK, train, seed=1), folds(TASK, train, seed=1))
    assert not np.array_equal(folds(TASK, train, seed=1), folds(TASK, train, seed=2))


def test_groups_stay_whole_and_classes_about_even():
    groups = np.repeat(np.arange(20), 6)
    y = np.repeat(np.arange(20) % 2, 6)
    found = folds(TASK, prepared(y, groups))
    assert all(len(np.unique(found[groups == group])) == 1 for group in range(20))
    assert all(np.bincount(y[found == fold]).tolist() == [12, 12] for fold in range(5))


def test_few_groups_make_few_folds():
    groups = np.arange(60) % 3
    found = folds(TASK, prepared(np.arange(60) // 30, groups))
    assert len(np.unique(found)) == 3
    assert left_out_together(TASK, prepared(np.arange(60) // 30, groups)).tolist() == groups.tolist()


def test_a_group_that_holds_all_of_a_class_is_not_left_out_whole():
    y = np.arange(60) // 30
    train = prepared(y, groups=y)
    assert left_out_together(TASK, train) is None
    assert all(np.bincount(y[folds(TASK, train) == fold]).tolist() == [6, 6] for fold in range(5))


def test_windows_are_left_out_in_runs():
    series = Dataset(name="made", kind="series", items=[np.arange(60.0)[:, None]], ids=["a"], columns=("v",))
    cut = windows(series, lookback=8, horizon=3, target_columns=["v"])
    train = Prepared(cut, fit_preprocessing(cut, np.arange(len(cut))))
    task = Forecast(lookback=8, horizon=3, columns=("v",), channels=(0,), mean=(0.0,), deviation=(1.0,))
    found = left_out_together(task, train)
    assert (np.diff(found) >= 0).all()
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4]
