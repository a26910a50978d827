"""Equal examples are known as equal, and never divided."""

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.split.duplicates import digest, kept_together
from bicameral.data.split.folds import fold
from bicameral.data.split.splits import seal


def twins() -> Dataset:
    rng = np.random.default_rng(0)
    items = rng.normal(size=(40, 5, 1)).astype(np.float32)
    items[20:] = items[:20]
    return Dataset(
        name="twins", kind="series", items=list(items), targets=np.tile([0, 1], 20), classes=("a", "b")
    )


def test_digests_see_content_shape_and_type():
    zeros = np.zeros((2, 3), np.float32)
    assert digest(zeros) == digest(zeros.copy())
    others = [zeros.T, zeros.astype(np.float64), np.zeros((6,), np.float32), zeros + 1, "zeros"]
    assert len({digest(other) for other in (zeros, *others)}) == 6


def test_twins_stay_together_in_every_draw():
    dataset = kept_together(twins())
    rest, test = seal(dataset, seed=0)
    for number in range(4):
        drawn = fold(dataset, rest, number=number, folds=4, seed=0)
        parts = [set((part % 20).tolist()) for part in (*drawn, test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 20


def test_data_without_twins_is_left_alone():
    dataset = twins().subset(np.arange(20))
    assert kept_together(dataset) is dataset
