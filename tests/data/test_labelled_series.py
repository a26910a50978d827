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


def test_labels_in_a_table_of_their_own(tmp_path):
    (tmp_path / "x.csv").write_text("clip_id,sample,v\nc1,0,5\nc1,1,6\nc2,0,7\nc2,1,8\nc3,0,9\nc3,1,9\n")
    (tmp_path / "index.csv").write_text("clip_id,action,subject,split\nc2,walk,s2,test\nc1,run,s1,train\n")
    data = read(tmp_path / "x.csv", labels="index.csv", target="action", time="sample")
    assert (data.ids, data.classes, data.columns) == (["c1", "c2"], ("run", "walk"), ("v",))
    assert (data.groups.tolist(), data.split.tolist()) == (["s1", "s2"], ["train", "test"])
    assert {fault.where: fault.what for fault in data.faults} == {"c3": "empty label"}


def test_rows_without_labels(tmp_path):
    (tmp_path / "x.csv").write_text("s0,s1,s2\n1,2,3\n4,5,6\n")
    data = read(tmp_path / "x.csv", labels=False)
    assert (data.targets, data.items[1].ravel().tolist()) == (None, [4, 5, 6])


def test_columns_without_a_header_are_numbers(tmp_path):
    (tmp_path / "x.txt").write_text("1 1 0.5 7\n1 2 0.6 7\n2 1 0.7 8\n2 2 0.8 8\n")
    data = read(tmp_path / "x.txt", id=0, time=1, target=2)
    assert (data.ids, data.columns, data.target_columns) == (["1", "2"], ("2", "3"), ("2",))


def test_the_inertial_stream_of_utd_mhad(shared_data):
    path = shared_data("utd_mhad_a") / "inertial.csv.gz"
    data = read(path, labels="index.csv", target="action", group="subject", time="sample")
    assert (len(data), len(data.classes), data.items[0].shape[1]) == (446, 14, 6)
    assert (min(map(len, data.items)), max(map(len, data.items))) == (114, 326)
    assert [(data.split == part).sum() for part in ("train", "test")] == [224, 222]
