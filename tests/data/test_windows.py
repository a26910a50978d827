"""Windows: the right values at the right place, views, gaps, and published borders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import windows
from bicameral.data.read import read
from bicameral.errors import DataError


def ramp(length: int, width: int = 2) -> Dataset:
    return read(np.arange(length * width, dtype=np.float32).reshape(length, width))


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 40), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_windows_are_what_slicing_gives(length, lookback, horizon, stride):
    data = ramp(length)
    cut = windows(data, lookback=lookback, horizon=horizon, stride=stride)
    series = data.items[0]
    starts = range(0, length - lookback - horizon + 1, stride)
    assert len(cut) == len(starts)
    for row, start in enumerate(starts):
        np.testing.assert_array_equal(cut.items[row], series[start : start + lookback])
        np.testing.assert_array_equal(cut.targets[row], series[start + lookback : start + lookback + horizon])


def test_inputs_are_views_and_targets_gather():
    cut = windows(ramp(50), lookback=5, horizon=3, target_columns=("channel 1",))
    assert cut.items[0].base is not None
    assert np.shares_memory(cut.items[0], cut.items[1])
    assert cut.targets.shape == (43, 3, 1)
    np.testing.assert_array_equal(cut.targets[np.array([2, 0])], np.asarray(cut.targets)[[2, 0]])
    part = cut.subset(np.array([4, 7]))
    np.testing.assert_array_equal(part.items[1], cut.items[7])
    np.testing.assert_array_equal(part.targets[0], cut.targets[4])


def test_missing_values_to_forecast_are_left_out_and_missing_inputs_stay():
    values = np.arange(20, dtype=np.float32)
    values[10] = np.nan
    cut = windows(read(values), lookback=4, horizon=2)
    targets = np.asarray(cut.targets)
    assert not np.isnan(targets).any()
    assert len(cut) == 15 - 2
    assert cut.faults[0].what == "2 of 15 windows left out: a value to forecast is missing"
    assert any(np.isnan(item).any() for item in cut.items)


def test_several_series_never_mix():
    long = read([np.full((length, 1), length) for length in (10, 12, 3)])
    cut = windows(long, lookback=3, horizon=2)
    assert cut.groups.tolist() == ["row 0"] * 6 + ["row 1"] * 8
    assert all(
        len(np.unique(np.concatenate([cut.items[row], cut.targets[row]]))) == 1 for row in range(len(cut))
    )
    assert cut.ids[6] == "row 1:0"
    assert [fault.where for fault in cut.faults] == ["row 2"]


def test_times_belong_to_the_look_back(tmp_path):
    stamps = np.datetime64("2020-01-01") + np.arange(10)
    (tmp_path / "x.csv").write_text("date,v\n" + "".join(f"{day},{row}\n" for row, day in enumerate(stamps)))
    cut = windows(read(tmp_path / "x.csv"), lookback=3, horizon=1)
    assert cut.times[2].astype("datetime64[D]").tolist() == stamps[2:5].tolist()


def test_published_borders_of_etth1(shared_data):
    data = read(shared_data("etth1"))
    cut = windows(data, lookback=96, horizon=24, borders=(8640, 11520, 14400))
    # the counts of the usual loader, where the look-backs of val and test reach into the part before
    counts = {part: int((cut.split == part).sum()) for part in ("train", "val", "test")}
    assert counts == {"train": 8640 - 96 - 24 + 1, "val": 2880 - 24 + 1, "test": 2880 - 24 + 1}
    first = np.flatnonzero(cut.split == "test")[0]
    np.testing.assert_array_equal(cut.targets[first], data.items[0][11520:11544])
    np.testing.assert_array_equal(cut.items[first], data.items[0][11520 - 96 : 11520])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lookback": 30, "horizon": 30}, "at most 40 steps"),
        ({"lookback": 0, "horizon": 1}, "lookback is 0"),
        ({"lookback": 3, "horizon": 1, "target_columns": ("chanel 0",)}, "did you mean 'channel 0'"),
        ({"lookback": 3, "horizon": 1, "borders": (10, 5, 20)}, "three growing rows"),
        ({"lookback": 3, "horizon": 5, "borders": (1, 2, 3)}, "none lies inside the borders"),
    ],
)
def test_what_cannot_be_cut_says_why(options, message):
    with pytest.raises(DataError, match=message):
        windows(ramp(40), **options)


def test_labelled_series_are_not_cut():
    with pytest.raises(DataError, match="labelled series"):
        windows(read((np.zeros((4, 50)), [0, 1, 0, 1])), lookback=3, horizon=1)
