"""Rows that would vanish, or turn into something else: each is named, refused, or read as it was meant."""

import gzip
import io
import os
import zipfile

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.data.split.splits import split
from bicameral.errors import DataError

TEXTS = "".join(f"{'pos' if row % 2 else 'neg'},words of row {row}\n" for row in range(40))
HOURS = [f"2020-03-01 {hour:02}:00" for hour in range(24)]


def load(zone: str) -> str:
    return "time,load\n" + "".join(f"{hour}{zone},{row}.5\n" for row, hour in enumerate(HOURS))


def column(*cells: str, name: str = "share") -> str:
    return f"time,{name}\n" + "".join(f'{row},"{cell}"\n' for row, cell in enumerate(cells))


QUOTES = {
    "in the last row": TEXTS + 'pos,"never closed\n',
    "in the middle": TEXTS + 'pos,"never closed\n' + TEXTS,
    "closed by another": TEXTS + 'pos,"never closed\n' + TEXTS + 'neg,"quoted, and whole"\n',
    "closed by a second slip": TEXTS + 'pos,"never closed\n' + TEXTS + 'neg,never opened"\n' + TEXTS,
}


@pytest.mark.parametrize("case", QUOTES)
def test_a_quote_that_is_never_closed_costs_its_own_row(tmp_path, case):
    (tmp_path / "x.csv").write_text("label,text\n" + QUOTES[case])
    data = read(tmp_path / "x.csv")
    assert [fault.where for fault in data.faults] == ["x.csv:42"]
    assert len(data) == QUOTES[case].count("\n") - 1
    assert max(map(len, data.items)) < 30


def test_quotes_that_are_whole_stay(tmp_path):
    rows = 'pos,"two\nlines, ""quoted"""\nneg,"Good" film\npos,5" long\n'
    (tmp_path / "x.csv").write_text("label,text\n" + rows)
    data = read(tmp_path / "x.csv")
    assert list(data.items) == ['two\nlines, "quoted"', "Good film", '5" long']
    assert data.faults == ()


def test_a_stray_quote_in_the_line_of_names(tmp_path):
    (tmp_path / "x.csv").write_text('"label,text\n' + TEXTS)
    with pytest.raises(DataError, match=r"x\.csv:1: a quote is opened and never closed"):
        read(tmp_path / "x.csv")


@pytest.mark.parametrize(
    "zone", ["", " UTC", "Z", "+02:00", " CET", " [Europe/Berlin]", "+01:00[Europe/Berlin]"]
)
def test_stamps_with_a_zone_are_stamps(tmp_path, zone):
    (tmp_path / "x.csv").write_text(load(zone))
    data = read(tmp_path / "x.csv")
    assert (data.kind, data.columns, data.target_columns) == ("series", ("load",), ("load",))
    assert set(np.diff(data.times[0])) == {np.timedelta64(3600, "s")}
    assert len(data.items[0]) == 24


def test_stamps_without_a_zone_among_others_are_named(tmp_path):
    rows = load("+02:00").replace("2020-03-01 00:00+02:00", "2020-03-01 00:00")
    (tmp_path / "x.csv").write_text(rows)
    data = read(tmp_path / "x.csv")
    assert [(fault.where, fault.what) for fault in data.faults] == [("x.csv:2", "time stamp cannot be read")]
    assert data.times[0][0] == np.datetime64("2020-02-29T23:00:00")


NUMERALS = {
    "percent": (["3%", "4.5 %", "-1%"], [3, 4.5, -1]),
    "currency": (["$5", "$1,234.5", "-$2"], [5, 1234.5, -2]),
    "currency behind": (["5 €", "6,5 €", "7 €"], [5, 6.5, 7]),
    "unit": (["5 kg", "6.5 kg", "n/a"], [5, 6.5, np.nan]),
    "decimal comma": (["5,5", "6,25", "1.234,5"], [5.5, 6.25, 1234.5]),
    "thousands": (["1,234", "999", "1,000,000.5"], [1234, 999, 1000000.5]),
    "thousands with blanks": (["1 234", "999", "1 000 000"], [1234, 999, 1000000]),
    "another minus": (["\u22125", "6", "\u22127.5"], [-5, 6, -7.5]),
    "in brackets": (["(5.0)", "6", "7"], [-5, 6, 7]),
}


@pytest.mark.parametrize("case", NUMERALS)
def test_numbers_as_people_write_them(tmp_path, case):
    cells, values = NUMERALS[case]
    (tmp_path / "x.csv").write_text(column(*cells * 4), encoding="utf-8")
    data = read(tmp_path / "x.csv")
    assert data.columns == ("share",)
    np.testing.assert_allclose(data.items[0][:, 0], values * 4)


def test_a_table_with_semicolons_and_decimal_commas(tmp_path):
    rows = "".join(f"2020-01-{row + 1:02};{row},125;{row},5\n" for row in range(20))
    (tmp_path / "x.csv").write_text("Datum;Last;Temperatur\n" + rows)
    data = read(tmp_path / "x.csv")
    assert data.columns == ("Last", "Temperatur")
    np.testing.assert_allclose(data.items[0][3], [3.125, 3.5])


def test_labels_with_a_decimal_comma_are_numbers(tmp_path):
    rows = "".join(f'"{row % 7},5",{row},{row + 1},{row + 3}\n' for row in range(20))
    (tmp_path / "x.csv").write_text("label,v1,v2,v3\n" + rows)
    np.testing.assert_allclose(read(tmp_path / "x.csv").targets[:3], [0.5, 1.5, 2.5])


REFUSED = {
    "a target that is no number": (
        "time,value,other\n" + "".join(f"{row},w{row},{row}\n" for row in range(90)),
        "forecast by its column 'value': left out: 90 different words",
    ),
    "beyond float32": (column(*["1e308"] * 30), "no column of numbers"),
    "one letter": ("x", "no column of numbers"),
    "bytes of nothing": ("\0" * 4096, "NUL bytes"),
    "words alone": ("a,b\n" + "sun,rain\n" * 9, "no column of numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_series(tmp_path, case):
    text, reason = REFUSED[case]
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=reason):
        read(tmp_path / "x.csv", kind="series")


@pytest.mark.parametrize("missing", ["nan", "NaN", "NA", "", "null", "?"])
def test_labels_that_stand_for_none(tmp_path, missing):
    (tmp_path / "x.csv").write_text("label,text\n" + TEXTS + f"{missing},some words\nnone,other words\n")
    data = read(tmp_path / "x.csv")
    assert data.classes == ("neg", "none", "pos")
    assert [fault.where for fault in data.faults] == ["x.csv:42"]


X = np.random.default_rng(0).normal(size=(8, 5, 2))
Y = np.arange(8) % 2
ARRAYS = {
    "one length too few": ({"x": X, "y": Y, "lengths": [3] * 7}, "7 lengths, 3 to 3, fit none"),
    "longer than the array": ({"x": X, "y": Y, "lengths": [3] * 7 + [6]}, "3 to 6, fit none"),
    "lengths that are NaN": ({"x": X, "y": Y, "lengths": [3.0] * 7 + [np.nan]}, "lengths are float64"),
    "lengths below zero": ({"x": X, "y": Y, "lengths": [-3] * 8}, "expected one whole number an example"),
    "one length": ({"x": X, "y": Y, "lengths": 3}, r"lengths are int64 \(\)"),
    "words as lengths": ({"x": X, "y": Y, "lengths": ["3"] * 8}, "expected one whole number"),
    "a table of lengths": ({"x": X, "y": Y, "lengths": [[3] * 8]}, r"\(1, 8\)"),
    "parts of which one has labels": ({"train_x": X, "test_x": X, "test_y": Y}, "train_x has no targets"),
    "parts of two sizes": ({"train_x": X, "train_y": Y, "test_x": X[:, :3], "test_y": Y}, "have the shapes"),
    "too few names": ({"x": X, "y": Y + 3, "class_names": ["a", "b"]}, "2 names of classes .* the class 3"),
    "two names alike": ({"x": X, "y": Y, "class_names": ["a", "a"]}, "each needs its own name"),
    "an empty name": ({"x": X, "y": Y, "class_names": ["a", ""]}, "each needs its own name"),
    "rows by halves": ({"x": X, "y": Y, "train_index": [0.5], "test_index": [1]}, "whole numbers"),
    "rows in two parts": (
        {"x": X, "y": Y, "train_index": [0, 1], "test_index": [1]},
        "row 1, which is in the part train",
    ),
    "the last row twice": ({"x": X, "y": Y, "train_index": [0, 7], "test_index": [-1]}, "row 7"),
    "rows that are words": ({"x": X, "y": Y, "train_index": ["a"]}, "whole numbers"),
    "a scalar row": ({"x": X, "y": Y, "train_index": 3}, "whole numbers"),
    "a scalar split": ({"x": X, "y": Y, "split": "train"}, "1 parts in its split"),
    "a scalar array": ({"x": np.float32(3), "y": Y, "lengths": [1, 2]}, "fit none"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_contradict_themselves(tmp_path, case):
    arrays, reason = ARRAYS[case]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=reason):
        read(tmp_path / "x.npz")


def test_lengths_cut_the_padding_off(tmp_path):
    np.savez(tmp_path / "x.npz", x=X, y=Y, lengths=np.array([1.0, 2, 3, 4, 5, 1, 2, 3]), rate=16000.0)
    assert [len(item) for item in read(tmp_path / "x.npz").items] == [1, 2, 3, 4, 5, 1, 2, 3]
    assert [len(item) for item in read({"x": X, "y": Y, "lengths": [5] * 7 + [2]}).items] == [5] * 7 + [2]


def test_names_of_classes_in_the_order_that_is_given():
    data = read((X, np.array(["dog", "cat"] * 4)), classes=["dog", "cat", "cow"])
    assert (data.classes, data.targets.tolist()) == (("dog", "cat", "cow"), [0, 1] * 4)
    assert read({"x": X, "y": Y, "names": np.array(list("abcdefgh"))}).classes == tuple("abcdefgh")
    assert read({"x": X, "y": Y + 7, "names": np.array(list("abcdefgh"))}).classes == ("7", "8")


def beside(tmp_path, name: str, rows: str):
    (tmp_path / "x.tsv").write_text("label\ttext\n" + TEXTS.replace(",", "\t"))
    (tmp_path / name).write_text(rows)
    return tmp_path / "x.tsv"


def test_a_split_that_leaves_nothing_to_train_on(tmp_path):
    path = beside(tmp_path, "split.csv", "row,split\n" + "".join(f"{row},test\n" for row in range(40)))
    with pytest.raises(DataError, match="every example test, so that none is left to train on"):
        split(read(path), seed=0)


@pytest.mark.parametrize(("name", "cells"), [("split", ("train", "test")), ("group", ("g1", "g2"))])
def test_a_row_in_two_parts_or_groups(tmp_path, name, cells):
    rows = "".join(f"{row},{cells[0]}\n" for row in range(40)) + f"3,{cells[1]}\n"
    path = beside(tmp_path, "split.csv" if name == "split" else "groups.csv", f"row,{name}\n{rows}")
    with pytest.raises(DataError, match=f"gives '3' the {name} '{cells[1]}', and '{cells[0]}' before"):
        read(path)


def test_a_row_that_is_no_number(tmp_path):
    rows = "row,group\n²,a\n" + "".join(f"{row},g{row % 5}\n" for row in range(40))
    data = read(beside(tmp_path, "groups.csv", rows))
    assert [fault.where for fault in data.faults] == ["groups.csv:2"]


def packed(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def zeroes(file: io.BytesIO, size: int) -> bytes:
    with gzip.open(file, "wb", compresslevel=9) as gz:
        for _ in range(size // 2**20):
            gz.write(b"0,1\n" * 2**18)
    return file.getvalue()


BOMBS = {
    "x.csv.gz": lambda: zeroes(io.BytesIO(), 2**28 + 2**24),
    "x.csv": lambda: b"label,text\na,b c\n" + b"b," + b"w" * 1_100_000 + b"\n",
    "x.jsonl": lambda: b"\n".join(
        b"{%s}" % b",".join(b'"k%d":1' % (row * 200 + key) for key in range(200)) for row in range(300)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unfolds_beyond_measure_is_refused_with_a_way_out(tmp_path, name):
    (tmp_path / name).write_bytes(BOMBS[name]())
    try:
        said = " ".join(fault.what for fault in read(tmp_path / name).faults)
    except DataError as error:
        said = str(error)
    assert "limits=false" in said


def test_limits_are_lifted_when_asked(tmp_path):
    (tmp_path / "x.csv").write_bytes(BOMBS["x.csv"]())
    assert len(read(tmp_path / "x.csv")) == 1
    assert len(read(tmp_path / "x.csv", limits=False)) == 2


def test_many_columns_take_no_more_than_their_number(tmp_path):
    names = ",".join(f"c{column}" for column in range(20_000))
    values = ",".join(["1"] * 20_000)
    (tmp_path / "x.csv").write_text(f"{names}\n" + f"{values}\n" * 5)
    assert len(read(tmp_path / "x.csv").columns) == 20_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(DataError, match="no regular file"):
        read(tmp_path / "x.csv")


JSONL = {
    "deep brackets": b"[" * 100_000,
    "a long number": b'{"a": ' + b"9" * 5000 + b"}",
    "half a character": b'{"label": "a", "text": "x \\ud800"}',
}


@pytest.mark.parametrize("case", JSONL)
def test_a_line_of_json_that_cannot_be_read_is_named(tmp_path, case):
    good = b'{"label": "a", "text": "some words"}\n{"label": "b", "text": "more words"}\n'
    (tmp_path / "x.jsonl").write_bytes(good + JSONL[case] + b"\n")
    data = read(tmp_path / "x.jsonl")
    assert (len(data), [fault.where for fault in data.faults]) == (2, ["x.jsonl:3"])


WRONG = {
    "target": True, "time": ["a"], "header": "maybe", "groups": ["a"], "splits": {"a": "b"}, "missing": "abc",
    "source": "x", "rate": "abc",
}  # fmt: skip


@pytest.mark.parametrize("option", WRONG)
def test_options_of_the_wrong_form(tmp_path, option):
    (tmp_path / "x.csv").write_text("label,text\n" + TEXTS)
    with pytest.raises(DataError, match=option):
        read(tmp_path / "x.csv", **{option: WRONG[option]})


def test_the_rate_of_sounds_is_a_number(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 100), np.float32) + np.arange(4)[:, None], y=[0, 1, 0, 1])
    assert read(tmp_path / "x.npz", kind="sound", rate=8000).rate == 8000
    with pytest.raises(DataError, match="rate is 0"):
        read(tmp_path / "x.npz", kind="sound", rate=0)


@pytest.mark.parametrize("flag", [1, 0x800])
def test_a_zip_that_cannot_be_opened_is_named(tmp_path, flag):
    data = bytearray(packed("x.csv", b"label,text\na,some words\n" * 9))
    place = data.index(b"PK\x01\x02")
    if flag == 1:
        data[6] |= 1
        data[place + 8] |= 1  # encrypted
    else:
        data[8], data[place + 10] = 9, 9  # Deflate64
    (tmp_path / "x.zip").write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"x\.csv is broken or cannot be opened"):
        read(tmp_path / "x.zip")
