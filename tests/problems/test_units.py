"""Units: groups, blocks of time, single examples."""

import numpy as np
import pytest

from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import windows
from bicameral.problems.units import units


def series(count: int, length: int, times: bool = False) -> Dataset:
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(length, 1)).astype(np.float32) for _ in range(count)]
    clock = [np.arange(length).astype("datetime64[h]") for _ in items] if times else None
    return Dataset(
        name="made", kind="series", items=items, ids=list("abc"[:count]), columns=("x",), times=clock
    )


def test_an_example_on_its_own_is_its_own_unit():
    plain = Dataset(name="made", kind="image", items=[np.zeros((1, 2, 2))] * 4, targets=np.arange(4))
    assert units(plain).tolist() == [0, 1, 2, 3]


def test_a_group_is_a_unit():
    groups = np.array(["b", "a", "b", "c"])
    grouped = Dataset(
        name="made", kind="image", items=[np.zeros((1, 2, 2))] * 4, targets=np.arange(4), groups=groups
    )
    assert units(grouped).tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize(("length", "horizon"), [(2000, 5), (300, 20), (60, 1)])
def test_blocks_of_time_are_runs_no_shorter_than_two_horizons(length, horizon):
    cut = windows(series(1, length), lookback=5, horizon=horizon)
    found = units(cut)
    assert (np.diff(found[np.argsort(cut.properties["begin"])]) >= 0).all()
    sizes = np.bincount(found)[:-1]  # the last block is what is left over
    assert sizes.min() >= 2 * (horizon - 1)
    assert found.max() + 1 <= 61


def test_series_that_share_a_calendar_share_its_blocks():
    together, apart = (
        units(windows(series(2, 400, times=times), lookback=5, horizon=5)) for times in (True, False)
    )
    half = len(together) // 2
    assert together[:half].tolist() == together[half:].tolist()
    assert not set(apart[:half]) & set(apart[half:])
