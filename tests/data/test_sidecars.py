"""groups.csv and split.csv: matched by file or row, complete, and honest about unknown names."""

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.errors import DataError


@pytest.fixture
def table(tmp_path):
    (tmp_path / "x.tsv").write_text("label\ttext\na\tone two\nb\t\na\tthree four\nb\tfive six\n")
    return tmp_path / "x.tsv"


def test_rows_are_counted_with_the_quarantined_ones(table):
    (table.parent / "groups.csv").write_text("row,group\n0,g0\n1,g1\n2,g2\n3,g3\n")
    data = read(table)
    assert data.groups.tolist() == ["g0", "g2", "g3"]


def test_rows_of_arrays(tmp_path):
    x = np.ones((3, 4))
    x[1] = np.nan
    np.savez(tmp_path / "x.npz", X=x, y=[0, 1, 1])
    (tmp_path / "split.csv").write_text("row,split\n0,train\n1,train\n2,test\n")
    assert read(tmp_path / "x.npz").split.tolist() == ["train", "test"]


def test_files_and_unknown_names(tmp_path):
    for name in ("a/1.txt", "b/2.txt", "a/3.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("words")
    (tmp_path / "groups.csv").write_text("file,group\n1.txt,x\nb/2.txt,y\n3,x\n9.txt,z\n")
    (tmp_path / "split.csv").write_text("file,split\n1.txt,train\n2.txt,dev\n3.txt,TEST\n")
    data = read(tmp_path)
    by_name = dict(zip(data.ids, zip(data.groups, data.split, strict=True), strict=True))
    assert by_name == {"a/1.txt": ("x", "train"), "b/2.txt": ("y", "val"), "a/3.txt": ("x", "test")}
    assert [(fault.where, "9.txt" in fault.what) for fault in data.faults] == [("groups.csv:5", True)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("row,group\n0,x\n2,x\n", "no group for 1 of 3 examples.*x.tsv:5"),
        ("name,team\n0,x\n", "columns name, team; expected file,group"),
    ],
)
def test_incomplete_sidecars_are_errors(table, content, message):
    (table.parent / "groups.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read(table)


def test_unknown_parts_are_errors(table):
    (table.parent / "split.csv").write_text("row,split\n0,train\n2,holdout\n3,test\n")
    with pytest.raises(DataError, match="'holdout'"):
        read(table)


def test_a_file_of_another_name(tmp_path):
    for name in ("a/1.txt", "b/2.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("words")
    (tmp_path / "speakers.csv").write_text("file,group\n1.txt,x\n2.txt,y\n")
    data = read(tmp_path, groups="speakers.csv")
    assert (data.groups.tolist(), data.faults) == (["x", "y"], ())
    with pytest.raises(DataError, match=r"groups='nobody\.csv' names a file that is not there"):
        read(tmp_path, groups="nobody.csv")
