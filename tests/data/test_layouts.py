"""Layouts that people have: lists of files, labels elsewhere, one table a series, a test part alone."""

import numpy as np
import pytest
from PIL import Image

from bicameral.data.read import read
from bicameral.errors import DataError


def pictures(folder, *names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), 9 * number, np.uint8)).save(path)


def test_lists_of_files_are_the_split(tmp_path):
    names = [f"{word}/{number}.png" for word in ("yes", "no") for number in range(6)]
    pictures(tmp_path, *names, "_background_/noise.png")
    (tmp_path / "testing_list.txt").write_text("yes/0.png\nno/0.png\n")
    (tmp_path / "validation_list.txt").write_text("yes/1.png\nno/1.png\n")
    data = read(tmp_path)
    parts = dict(zip(data.ids, data.split, strict=True))
    assert (parts["yes/0.png"], parts["no/1.png"], parts["no/5.png"]) == ("test", "val", "train")
    assert data.classes == ("no", "yes")
    assert [fault.where for fault in data.faults] == ["_background_/noise.png"]


def test_a_table_of_labels_in_another_folder(tmp_path):
    pictures(tmp_path / "audio", "1.png", "2.png", "3.png")
    (tmp_path / "index.csv").write_text("file,label\n1.png,a\n2.png,b\n3.png,a\n")
    assert read(tmp_path / "audio", labels="../index.csv").classes == ("a", "b")


def series(path, rows: int = 5, names: str = "x,y"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{names}\n" + "".join(f"{row}.5,{row + 1}\n" for row in range(rows)))


def test_one_table_a_series_in_class_folders(tmp_path):
    for number in range(4):
        series(tmp_path / "walk" / f"{number}.csv", 5 + number)
        series(tmp_path / "run" / f"{number}.csv")
    series(tmp_path / "run" / "9.csv", names="x,z")
    data = read(tmp_path)
    assert (data.classes, data.columns, len(data)) == (("run", "walk"), ("x", "y"), 8)
    assert sorted({len(item) for item in data.items}) == [5, 6, 7, 8]
    assert [fault.where for fault in data.faults] == ["run/9.csv"]


def test_one_table_a_series_with_parts(tmp_path):
    for part in ("train", "test"):
        for word in ("walk", "run"):
            for number in range(2):
                series(tmp_path / part / word / f"{number}.csv")
    data = read(tmp_path)
    assert (data.classes, sorted(set(data.split))) == (("run", "walk"), ["test", "train"])


def test_one_table_a_series_with_an_index(tmp_path):
    for number in range(6):
        series(tmp_path / "recordings" / f"{number}.csv")
    rows = "".join(f"{number}.csv,{'ab'[number % 2]},s{number // 2}\n" for number in range(6))
    (tmp_path / "index.csv").write_text("file,label,subject\n" + rows)
    data = read(tmp_path)
    assert (data.classes, data.groups.tolist()) == (("a", "b"), ["s0", "s0", "s1", "s1", "s2", "s2"])


def test_tables_of_words_in_class_folders_are_refused(tmp_path):
    for number in range(4):
        for word in "ab":
            path = tmp_path / word / f"{number}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_text("p,q\nsome,words\n")
    with pytest.raises(DataError, match="holds a series of numbers"):
        read(tmp_path)


def test_the_test_part_of_an_archive_alone(tmp_path):
    (tmp_path / "Coffee_TEST.tsv").write_text(
        "".join(f"{row % 2}\t{row}.5\t2.5\t3.5\t1.25\n" for row in range(6))
    )
    data = read(tmp_path / "Coffee_TEST.tsv")
    assert (data.classes, data.items[0].shape) == (("0", "1"), (4, 1))
