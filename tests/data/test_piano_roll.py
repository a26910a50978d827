"""Piano rolls, as .mat files of three cells and as padded arrays."""

import numpy as np
import pytest
import scipy.io

from bicameral.data.batches.prepared import Prepared
from bicameral.data.examples.segments import is_continued, segments
from bicameral.data.preprocessing.continued import fit_continued
from bicameral.data.read import read
from bicameral.errors import DataError


def roll(steps, seed):
    return (np.random.default_rng(seed).random((steps, 88)) < 0.05).astype(np.uint8)


def cell(*rolls):
    found = np.empty((1, len(rolls)), object)
    found[0] = [*rolls, None][:-1]
    return found


@pytest.fixture
def path(tmp_path):
    parts = {
        "traindata": cell(roll(5, 0), roll(9, 1)),
        "validdata": cell(roll(4, 2)),
        "testdata": cell(roll(7, 3)),
    }
    scipy.io.savemat(tmp_path / "music.mat", parts)
    return tmp_path / "music.mat"


def test_three_cells_are_three_parts(path):
    dataset = read(path)
    assert dataset.split.tolist() == ["train", "train", "val", "test"]
    assert [len(item) for item in dataset.items] == [5, 9, 4, 7]
    np.testing.assert_array_equal(dataset.items[1], roll(9, 1))
    assert (dataset.columns[0], dataset.columns[39], dataset.columns[-1]) == ("A0", "C4", "C8")
    assert is_continued(dataset)


def test_values_other_than_on_and_off_are_quarantined(tmp_path):
    loud = roll(5, 0) * 127
    scipy.io.savemat(
        tmp_path / "m.mat",
        {"traindata": cell(roll(5, 1), loud), "validdata": cell(roll(4, 2)), "testdata": cell(roll(4, 3))},
    )
    (fault,) = read(tmp_path / "m.mat").faults
    assert (fault.where, fault.what) == ("traindata[1]", "empty, or with values other than 0 and 1")


def test_another_mat_file_says_what_is_expected(tmp_path):
    scipy.io.savemat(tmp_path / "m.mat", {"weights": np.zeros(3)})
    with pytest.raises(DataError, match="holds weights; expected the cells traindata, validdata, testdata"):
        read(tmp_path / "m.mat")
    (tmp_path / "broken.mat").write_bytes(b"no matrices")
    with pytest.raises(DataError, match=r"broken.mat is no readable .mat file"):
        read(tmp_path / "broken.mat")


def test_padded_arrays_and_lengths_are_the_same_music(path, tmp_path):
    dataset = read(path)
    padded = np.zeros((4, 9, 88), np.float32)
    for row, item in zip(padded, dataset.items, strict=True):
        row[: len(item)] = item
    np.savez(tmp_path / "music.npz", x=padded, lengths=[5, 9, 4, 7], split=dataset.split)
    other = read(tmp_path / "music.npz", answer="next")
    for one, another in zip(other.items, dataset.items, strict=True):
        np.testing.assert_array_equal(one, another)
    assert other.split.tolist() == dataset.split.tolist()


def test_frames_are_neither_scaled_nor_asked_for_where_there_are_none(path):
    cut = segments(read(path), context=100)
    prepared = Prepared(cut, fit_continued(cut, np.arange(2), context=100, unit="characters"))
    batch = prepared.batch(np.arange(2))
    np.testing.assert_array_equal(batch.x[1], roll(9, 1)[:-1])
    np.testing.assert_array_equal(batch.y[0, :4], roll(5, 0)[1:])
    assert batch.y[0, 4:].isnan().all()
    assert batch.lengths.tolist() == [4, 8]


def test_the_chorales(shared_data):
    dataset = read(shared_data("jsb_chorales") / "JSB_Chorales.mat")
    frames = {
        part: [len(item) for item, its in zip(dataset.items, dataset.split, strict=True) if its == part]
        for part in ("train", "val", "test")
    }
    assert {part: (len(found), sum(found)) for part, found in frames.items()} == {
        "train": (229, 13_807), "val": (76, 4_602), "test": (77, 4_725),
    }  # fmt: skip
