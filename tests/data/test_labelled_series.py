"""Labelled series: .ts, UCR pairs, one a row and long tables."""

import gzip

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.errors import DataError

TS = "# note\n@problemName x\n@timeStamps false\n@classLabel true a b\n@data\n"


def test_ts_with_unequal_lengths_and_broken_cases(tmp_path):
    (tmp_path / "x_TRAIN.ts").write_text(TS + "1,2,3:4,5,6:a\n1,?:2,3:b\n1,2:1:a\n1,2:a\n")
    (tmp_path / "x_TEST.ts").write_text(TS + "7:8:b\n1:2:\n")
    data = read(tmp_path)
    assert data.split.tolist() == ["train", "train", "test"]
    assert (data.classes, data.targets.tolist()) == (("a", "b"), [0, 1, 1])
    assert data.items[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert np.isnan(data.items[1][1, 0])
    assert {fault.where: fault.what for fault in data.faults} == {
        "x_TRAIN.ts:8": "channels of the lengths [1, 2]",
        "x_TRAIN.ts:9": "1 channels where 2 belong",
        "x_TEST.ts:7": "empty label",
    }


def test_ts_without_data_says_so(tmp_path):
    (tmp_path / "x.ts").write_text("@problemName x\n")
    with pytest.raises(DataError, match="no line @data"):
        read(tmp_path / "x.ts")


def test_ucr_pair_drops_the_padding_at_the_end(tmp_path):
    for part, rows in (("TRAIN", "1\t0.5\t1.5\tNaN\n-1\t1\tNaN\t3\n"), ("TEST", "1\t1\t2\t3\n")):
        with gzip.open(tmp_path / f"x_{part}.tsv.gz", "wt") as file:
            file.write(rows)
    data = read(tmp_path)
    assert data.classes == ("-1", "1")
    assert [len(item) for item in data.items] == [2, 3, 3]
    assert np.isnan(data.items[1][1, 0])
    assert data.split.tolist() == ["train", "train", "test"]


def test_one_series_a_row(tmp_path):
    (tmp_path / "x.csv").write_text("s0,s1,s2,label,subject\n1,2,3,up,p\n3,2,1,down,q\nNA,,,up,p\n")
    data = read(tmp_path / "x.csv")
    assert (data.classes, data.groups.tolist()) == (("down", "up"), ["p", "q"])
    assert data.items[1].ravel().tolist() == [3, 2, 1]
    assert data.faults[0].what == "holds no value"


def test_long_table_is_sorted_by_time(tmp_path):
    rows = "id,time,v,label\na,2,20,x\na,1,10,x\nb,1,5,y\nb,2,6,y\nc,1,0,x\nc,2,0,y\n"
    (tmp_path / "x.csv").write_text(rows)
    data = read(tmp_path / "x.csv")
    assert data.items[0].ravel().tolist() == [10, 20]
    assert (data.ids, data.classes) == (["a", "b"], ("x", "y"))
    assert "label changes" in data.faults[0].what


def test_a_number_a_row_is_regression(tmp_path):
    (tmp_path / "x.csv").write_text("s0,s1,target\n1,2,0.5\n2,3,1.5\n")
    data = read(tmp_path / "x.csv")
    assert data.classes == ()
    assert data.targets.dtype == np.float32
    (tmp_path / "y.csv").write_text("s0,s1,target\n1,2,5\n2,3,1\n")
    assert read(tmp_path / "y.csv").classes == ("1", "5")
    assert read(tmp_path / "y.csv", answer="regress").targets.tolist() == [5, 1]


@pytest.mark.parametrize(
    ("name", "parts", "shape", "classes"),
    [("BasicMotions", (40, 40), (100, 6), 4), ("JapaneseVowels", (270, 370), (20, 12), 9)],
)
def test_real_ts(shared_data, name, parts, shape, classes):
    data = read(shared_data("uea_a") / name)
    assert tuple((data.split == part).sum() for part in ("train", "test")) == parts
    assert (data.items[0].shape, len(data.classes), data.faults) == (shape, classes, ())


def test_real_ucr(shared_data):
    folder = shared_data("ucr_a") / "GunPoint"
    data = read(folder)
    expected = np.loadtxt(folder / "GunPoint_TRAIN.tsv.gz", delimiter="\t")
    np.testing.assert_allclose(
        np.stack([data.items[row][:, 0] for row in range(50)]), expected[:, 1:], rtol=1e-6
    )
    assert [data.classes[target] for target in data.targets[:50]] == [
        str(int(label)) for label in expected[:, 0]
    ]
