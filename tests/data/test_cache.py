"""A decoded item is decoded once, while memory lasts."""

from collections.abc import Sequence

import numpy as np

from bicameral.data.batches.cache import cached
from bicameral.data.dataset import Dataset


class Counted(Sequence):
    def __init__(self):
        self.decoded = []

    def __len__(self):
        return 6

    def __getitem__(self, row):
        if row >= len(self):
            raise IndexError(row)
        self.decoded.append(row)
        return np.full((10, 1), row, np.float32)


def test_items_are_decoded_once_while_they_fit():
    items = Counted()
    dataset = cached(Dataset(name="x", kind="series", items=items), memory=4 * 40)
    for _ in range(3):
        assert [int(item[0, 0]) for item in dataset.items] == list(range(6))
    assert [items.decoded.count(row) for row in range(6)] == [1, 1, 1, 1, 3, 3]


def test_iteration_ends_and_the_rest_is_unchanged():
    dataset = Dataset(name="x", kind="series", items=[np.zeros((2, 1))], targets=np.array([1.0]))
    kept = cached(dataset)
    assert len(list(kept.items)) == 1
    assert kept.targets is dataset.targets
