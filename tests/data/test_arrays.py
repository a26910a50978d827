"""Arrays: what the shape says, targets of every type, parts, and what cannot be used."""

import gzip

import numpy as np
import pytest
import torch

from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.errors import DataError

Y = [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("x", "kind", "item"),
    [
        (np.zeros((4, 8, 9), np.uint8), "image", (1, 8, 9)),
        (np.zeros((4, 3, 8, 9), np.float32), "image", (3, 8, 9)),
        (np.zeros((4, 8, 9, 3), np.uint8), "image", (3, 8, 9)),
        (np.zeros((4, 7, 8, 9), np.uint8), "clip", (7, 1, 8, 9)),
        (np.zeros((4, 5, 8, 9, 3), np.uint8), "clip", (5, 3, 8, 9)),
        (np.zeros((4, 50, 2)), "series", (50, 2)),
        (np.zeros((4, 50)), "series", (1, 50)),
        (torch.zeros(4, 50, 2), "series", (50, 2)),
        ([np.zeros((length, 2)) for length in (3, 4, 5, 6)], "series", (3, 2)),
        ([torch.zeros(length) for length in (3, 4, 5, 6)], "series", (3, 1)),
        ([[1.0, 2.0]] * 4, "series", (1, 2)),
    ],
)
def test_the_shape_tells_the_kind(x, kind, item):
    data = read((x, Y))
    assert (data.kind, data.items[0].shape, len(data)) == (kind, item, 4)


def test_kind_overrides_the_shape():
    assert read((np.zeros((4, 100)), Y), kind="sound", rate=100).items[0].shape == (100,)
    assert read((np.zeros((4, 8, 9)), Y), kind="image").items[0].dtype == np.float32


def test_texts():
    data = read((["a b", "c d", "e", "f"], ["x", "y", "x", "y"]))
    assert (data.kind, data.items[1], data.classes) == ("text", "c d", ("x", "y"))


def test_channels_last_keeps_the_pixels():
    x = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
    x = np.concatenate([x, x], axis=2)
    np.testing.assert_array_equal(read((x, Y)).items[1], x[1].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("y", "targets", "classes"),
    [
        ([3, 10, 3, 7], [0, 2, 0, 1], ("3", "7", "10")),
        (["10", "9", "9", "10"], [1, 0, 0, 1], ("9", "10")),
        ([True, False, True, False], [1, 0, 1, 0], ("False", "True")),
        (np.array([[1], [0], [1], [0]]), [1, 0, 1, 0], ("0", "1")),
        ([0.5, 1.0, 2.0, 3.0], [0.5, 1, 2, 3], ()),
        (np.array([[0, 1], [1, 1], [0, 0], [1, 0]]), [[0, 1], [1, 1], [0, 0], [1, 0]], ("0", "1")),
        (torch.tensor([1, 0, 1, 0]), [1, 0, 1, 0], ("0", "1")),
    ],
)
def test_targets(y, targets, classes):
    data = read((np.zeros((4, 5)), y))
    assert (data.targets.tolist(), data.classes) == (targets, classes)


def test_two_columns_of_numbers_are_regression():
    data = read((np.zeros((4, 5)), np.ones((4, 2))))
    assert (data.targets.shape, data.target_columns) == ((4, 2), ("target 0", "target 1"))


def test_without_targets_a_table_is_one_series_to_forecast():
    data = read(np.zeros((100, 3)))
    assert (len(data), data.items[0].shape, data.target_columns[0]) == (1, (100, 3), "channel 0")
    assert read(np.zeros(100)).items[0].shape == (100, 1)


def test_rows_without_value_or_target_are_quarantined():
    x = np.ones((4, 5))
    x[1] = np.nan
    x[2, 0] = np.nan
    data = read((x, [0.0, 1.0, 2.0, np.nan]))
    assert data.ids == ["row 0", "row 2"]
    assert np.isnan(data.items[1][0, 0])
    assert {fault.where for fault in data.faults} == {"row 1", "row 3"}
    with pytest.raises(DataError, match="no usable example"):
        read((x * np.nan, Y))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((np.zeros((4, 5)), [0, 1]), "4 examples and 2 targets"),
        ((np.zeros((4, 5)), np.zeros((4, 5, 6))), r"targets have the shape \(4, 5, 6\)"),
        ((np.zeros((4, 5)), np.array([[0, 2]] * 4)), "several labels are 0 or 1"),
        ((np.zeros(4), Y), "X has the shape"),
        ((np.zeros((4, 6, 7, 8)), Y), "pictures or clips"),
        ((np.zeros((4, 2)), Y, Y), "expected"),
        ({"a": np.zeros(3), "b": np.zeros(3)}, "no array of examples among: a"),
        (([object()], [1]), "expected numbers or text"),
    ],
)
def test_what_cannot_be_read_says_why(source, message):
    with pytest.raises(DataError, match=message):
        read(source)


def test_a_dataset_passes_through():
    data = Dataset(name="x", kind="text", items=["a"])
    assert read(data) is data


def test_npz_with_parts_and_class_names(tmp_path):
    shapes = {"train": 5, "val": 2, "test": 3}
    arrays = {f"{part}_images": np.full((count, 4, 4), count, np.uint8) for part, count in shapes.items()}
    arrays |= {f"{part}_labels": np.arange(count)[:, None] % 2 for part, count in shapes.items()}
    np.savez(tmp_path / "x.npz", **arrays, class_names=np.array(["no", "yes"]))
    data = read(tmp_path)
    assert [(data.split == part).sum() for part in shapes] == [5, 2, 3]
    assert data.classes == ("no", "yes")
    assert data.items[5][0, 0, 0] == 2


def test_npz_with_groups_and_split(tmp_path):
    split = ["train", "test", "train"]
    np.savez(
        tmp_path / "x.npz",
        X=np.zeros((3, 4)),
        y=[0, 1, 0],
        groups=[7, 7, 8],
        split=["train", "test", "train"],
    )
    data = read(tmp_path / "x.npz")
    assert (data.groups.tolist(), data.split.tolist()) == (["7", "7", "8"], split)


def test_npy_files_of_one_folder(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((3, 4)))
    np.save(tmp_path / "y.npy", [0, 1, 0])
    assert read(tmp_path).targets.tolist() == [0, 1, 0]


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "X.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"X\.npy.*numpy\.savez"):
        read(tmp_path / "X.npy")


def idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())


def test_idx_files(tmp_path):
    for part, count in (("train", 6), ("t10k", 2)):
        idx(tmp_path / f"{part}-images-idx3-ubyte.gz", np.full((count, 5, 4), count))
        idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(count) % 2)
    data = read(tmp_path)
    train = data.split == "train"
    assert (data.items[0].shape, train.sum(), (~train).sum()) == ((1, 5, 4), 6, 2)
    assert data.targets[train].tolist() == [0, 1, 0, 1, 0, 1]
    assert {data.items[row].max() for row in np.flatnonzero(train)} == {6}


def test_truncated_idx_files_are_errors(tmp_path):
    idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((6, 5, 4)))
    whole = (tmp_path / "train-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 9, 1, 2]))
    with pytest.raises(DataError, match="2 of 9 values"):
        read(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(whole[:-9])
    with pytest.raises(DataError, match="ended before"):
        read(tmp_path)


def test_mnist(shared_data):
    data = read(shared_data("mnist"))
    train = np.flatnonzero(data.split == "train")
    assert (len(data), len(train)) == (70000, 60000)
    assert data.targets[train[:10]].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.mean([data.items[row].mean() for row in train[:6000]]) == pytest.approx(33.3, abs=0.5)


def test_pneumoniamnist(shared_data):
    data = read(shared_data("pneumoniamnist"))
    counts = {
        part: np.bincount(data.targets[data.split == part]).tolist() for part in ("train", "val", "test")
    }
    assert counts == {"train": [1214, 3494], "val": [135, 389], "test": [234, 390]}


def test_packed_series_of_unequal_length(shared_data):
    data = read(shared_data("utd_mhad_a") / "skeleton.npz")
    assert (len(data), data.items[0].shape[1], len(set(data.groups))) == (446, 60, 8)
    assert max(map(len, data.items)) == 125
