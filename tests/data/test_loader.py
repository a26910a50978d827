"""Batches hold what they should, in an order that depends on seed and epoch alone."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch

from bicameral.data.batches.loader import batches
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.errors import ConfigError, DataError

NUM = 23
KEPT, STREAMED = 2**30, 0


class Counted(Sequence):
    """Items that know how often they were decoded."""

    def __init__(self, items):
        self.items, self.seen = items, Counter()

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        self.seen[row] += 1
        return self.items[row]


def series(num=NUM, *, equal=False, longest=12, seed=0):
    rng = np.random.default_rng(seed)
    lengths = np.full(num, 5) if equal else rng.integers(1, longest, num)
    items = [rng.normal(size=(length, 2)).astype(np.float32) for length in lengths]
    targets = rng.integers(0, 3, num)
    return Dataset(name="s", kind="series", items=items, targets=targets, classes=("a", "b", "c"))


def prepared(dataset, memory=KEPT, rows=None):
    return Prepared(dataset, fit_preprocessing(dataset, np.arange(len(dataset))), rows, memory=memory)


def order(some, **options):
    settings = {"seed": 3, "epoch": 0, "batch_size": 4} | options
    return [batch.index.tolist() for batch in batches(some, settings.pop("batch_size"), **settings)]


@pytest.mark.parametrize("memory", [KEPT, STREAMED], ids=["kept", "streamed"])
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "unequal"])
def test_a_batch_is_its_examples_and_zeros(equal, memory):
    dataset = series(equal=equal)
    rows = np.array([20, 3, 5, 8, 13, 1])
    some = prepared(dataset, memory, rows)
    batch = some.batch([4, 0, 1])
    examples = [some.preprocessing(dataset.items[row]) for row in (13, 20, 3)]
    expected = np.zeros((3, max(map(len, examples)), 2), np.float32)
    for row, example in enumerate(examples):
        expected[row, : len(example)] = example
    np.testing.assert_array_equal(batch.x.numpy(), expected)
    assert batch.index.tolist() == [13, 20, 3]
    assert batch.y.tolist() == dataset.targets[[13, 20, 3]].tolist()
    assert batch.lengths is None if equal else batch.lengths.tolist() == [len(x) for x in examples]


def test_equal_rows_of_an_unequal_set_need_no_lengths():
    dataset = series()
    lengths = [len(item) for item in dataset.items]
    twins = [row for row, length in enumerate(lengths) if length == Counter(lengths).most_common(1)[0][0]]
    assert len(twins) > 1
    assert prepared(dataset).batch(twins).lengths is None


@pytest.mark.parametrize("memory", [KEPT, STREAMED], ids=["kept", "streamed"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_example_once_and_the_last_batch_too(memory, shuffle):
    found = order(prepared(series(), memory), shuffle=shuffle)
    assert sorted(chain(*found)) == list(range(NUM))
    assert sorted(map(len, found)) == [3, 4, 4, 4, 4, 4]
    assert shuffle or list(chain(*found)) == list(range(NUM))


@pytest.mark.parametrize("memory", [KEPT, STREAMED], ids=["kept", "streamed"])
def test_an_epoch_can_be_resumed_anywhere(memory):
    some = prepared(series(), memory)
    whole = order(some)
    for start in range(len(whole) + 1):
        assert order(some, start=start) == whole[start:]


def test_seed_and_epoch_change_the_order():
    some = prepared(series())
    orders = [str(order(some, seed=seed, epoch=epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9


@pytest.mark.parametrize(
    ("equal", "plan"),
    [(True, [[9, 6, 0, 2], [1, 4, 7, 5], [3, 8]]), (False, [[3, 4, 2, 1], [6, 7, 5, 8], [9, 0]])],
    ids=["equal", "unequal"],
)
def test_the_order_is_that_of_every_process_and_release(equal, plan):
    """A checkpoint resumes in the middle of an epoch: a new order would repeat some rows and lose others."""
    assert order(prepared(series(10, equal=equal))) == plan


def test_kept_examples_are_prepared_once_and_streamed_ones_when_asked():
    for memory, times in ((KEPT, 1), (STREAMED, 2)):
        dataset = series()
        counted = Counted(dataset.items)
        fitted = fit_preprocessing(dataset, np.arange(NUM))
        some = Prepared(replace(dataset, items=counted), fitted, memory=memory)
        order(some)
        order(some, epoch=1)
        assert set(counted.seen.values()) == {times}


def test_lengths_are_sorted_into_buckets_and_buckets_shuffled():
    dataset = series(2000, longest=100)
    some = prepared(dataset)

    def frames(plan):
        return sum(max(len(dataset.items[row]) for row in rows) * len(rows) for rows in plan)

    plan = order(some, batch_size=16)
    valid = sum(map(len, dataset.items))
    unsorted = np.random.default_rng(0).permutation(2000).reshape(-1, 16)
    assert frames(plan) < valid * 1.1 < frames(unsorted.tolist())
    longest = [max(len(dataset.items[row]) for row in rows) for rows in plan]
    assert abs(np.corrcoef(longest, np.arange(len(plan)))[0, 1]) < 0.3  # not from short to long


@pytest.mark.parametrize("equal", [True, False], ids=["equal", "unequal"])
@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_every_batch(equal, world):
    some = prepared(series(equal=equal))
    alone = order(some)
    shares = [order(some, rank=rank, world=world) for rank in range(world)]
    assert {len(share) for share in shares} == {len(alone)}
    together = [sorted(chain(*parts)) for parts in zip(*shares, strict=True)]
    assert together == [sorted(rows) for rows in alone]


def test_no_rank_is_idle_when_the_last_batch_is_tiny():
    some = prepared(series(10, equal=True))
    first, second = order(some)[-1]
    last = [order(some, rank=rank, world=4)[-1] for rank in range(4)]
    assert last == [[first], [second], [first], [second]]


@pytest.mark.parametrize(
    ("targets", "classes", "dtype"),
    [
        (np.arange(NUM), tuple("abcdefghijklmnopqrstuvw"), torch.int64),
        (np.eye(NUM, 3, dtype=np.uint8), ("a", "b", "c"), torch.float32),
        (np.arange(NUM, dtype=np.float32), (), torch.float32),
        (np.ones((NUM, 2), np.float64), (), torch.float32),
    ],
    ids=["class", "labels", "number", "numbers"],
)
def test_targets_are_tensors_of_their_meaning(targets, classes, dtype):
    y = prepared(replace(series(), targets=targets, classes=classes)).batch([2, 0]).y
    assert y.dtype == dtype
    assert y.tolist() == targets[[2, 0]].tolist()


class Windows:
    """Targets computed when asked for, as those of a forecast are."""

    def __len__(self):
        return NUM

    def __getitem__(self, rows):
        return np.stack([np.full((4, 1), row, np.float64) for row in rows])


def test_lazy_targets_are_asked_for_by_rows_of_the_dataset():
    dataset = replace(series(), targets=Windows(), classes=())
    y = prepared(dataset, rows=np.array([7, 9, 11])).batch([2, 0]).y
    assert (y.dtype, y.shape, y[:, 0, 0].tolist()) == (torch.float32, (2, 4, 1), [11, 7])


def test_unlabelled_examples_have_no_targets():
    assert prepared(replace(series(), targets=None)).batch([0]).y is None


def test_leaving_early_stops_the_threads():
    some = prepared(series(200), STREAMED)
    before = threading.active_count()
    stream = batches(some, 2, seed=0, epoch=0)
    next(stream)
    stream.close()
    assert threading.active_count() == before


class Broken(Counted):
    def __getitem__(self, row):
        raise DataError(f"row {row} is broken")


def test_a_broken_item_is_reported_from_the_threads():
    dataset = series()
    fitted = fit_preprocessing(dataset, np.arange(NUM))
    some = Prepared(replace(dataset, items=Broken(dataset.items)), fitted, memory=STREAMED)
    with pytest.raises(DataError, match="is broken"):
        order(some)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"rank": 2, "world": 2}, {"rank": -1}])
def test_impossible_settings_are_refused_at_once(wrong):
    settings = {"batch_size": 4, "seed": 0, "epoch": 0} | wrong
    with pytest.raises(ConfigError, match="expected"):
        batches(prepared(series()), settings.pop("batch_size"), **settings)


def test_no_examples_are_refused():
    with pytest.raises(DataError, match="no examples"):
        prepared(series(), rows=[])


@pytest.mark.slow
def test_a_batch_costs_little_more_than_indexing():
    x = np.random.default_rng(0).random((5000, 1, 28, 28)).astype(np.float32)
    dataset = Dataset(
        name="i", kind="image", items=list(x), targets=np.arange(5000) % 3, classes=("a", "b", "c")
    )
    some, tensor, y = prepared(dataset), torch.from_numpy(x), torch.from_numpy(dataset.targets)

    def seconds(work):
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    bare = min(
        seconds(lambda: [(tensor[rows], y[rows]) for rows in torch.randperm(5000).split(32)])
        for _ in range(20)
    )
    ours = min(seconds(lambda: [None for _ in batches(some, 32, seed=0, epoch=0)]) for _ in range(20))
    assert ours < 2 * bare
