"""Texts: tables in every order and quoting, one file a class, and rows that are broken."""

import json

import pytest

from bicameral.data.read import read
from bicameral.errors import DataError

REVIEWS = [("good", "a fine film , indeed"), ("bad", 'it is "dull" and long'), ("good", "moving , at times")]


def check(data) -> None:
    assert (data.kind, data.classes) == ("text", ("bad", "good"))
    assert list(data.items) == [text for _, text in REVIEWS]
    assert data.targets.tolist() == [1, 0, 1]


@pytest.mark.parametrize("header", ["label\ttext\n", ""])
@pytest.mark.parametrize("order", [1, -1])
def test_tsv_in_either_order_with_and_without_header(tmp_path, header, order):
    lines = ["\t".join(row[::order]) for row in REVIEWS]
    head = "\t".join(header.strip().split("\t")[::order]) + "\n" if header else ""
    (tmp_path / "x.tsv").write_text(head + "\n".join(lines) + "\n")
    check(read(tmp_path / "x.tsv"))


def test_an_open_quote_in_a_tsv_swallows_nothing(tmp_path):
    (tmp_path / "x.tsv").write_text('label\ttext\na\t"open quote\nb\tnext row\n')
    assert list(read(tmp_path / "x.tsv").items) == ['"open quote', "next row"]


def test_csv_honours_quotes(tmp_path):
    (tmp_path / "x.csv").write_text('label,text\na,"one, two"\nb,"line\nbreak"\n')
    assert list(read(tmp_path / "x.csv").items) == ["one, two", "line\nbreak"]


def test_jsonl(tmp_path):
    rows = [json.dumps({"text": text, "label": label}) for label, text in REVIEWS]
    (tmp_path / "x.jsonl").write_text("\n".join([*rows, "{broken", "[1]"]))
    data = read(tmp_path / "x.jsonl")
    check(data)
    assert [fault.where for fault in data.faults] == ["x.jsonl:4", "x.jsonl:5"]


def test_broken_rows_are_named(tmp_path):
    rows = b"label\ttext\na\tfine\nb\t\n\tno label\nc\ttoo\tmany\na\tcaf\xe9\nb\tgood\n"
    (tmp_path / "x.tsv").write_bytes(rows)
    data = read(tmp_path / "x.tsv")
    assert list(data.items) == ["fine", "good"]
    assert {fault.where.split(":")[1]: fault.what.split(";")[0] for fault in data.faults} == {
        "3": "empty text",
        "4": "empty label",
        "5": "3 cells where 2 belong",
        "6": "not UTF-8",
    }


def test_parts_in_file_names(tmp_path):
    for part in ("train", "test", "dev"):
        (tmp_path / f"set_{part}.tsv").write_text(f"label\ttext\n0\t{part} text\n1\tmore words\n")
    data = read(tmp_path)
    assert data.split.tolist() == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert data.items[0] == "train text"


def test_one_file_a_class(tmp_path):
    (tmp_path / "Czech.txt").write_text("Nováková\n\nDvořák\n", encoding="utf-8")
    (tmp_path / "Greek.txt").write_text("Kostas\n")
    (tmp_path / "Empty.txt").touch()
    (tmp_path / "README.md").write_text("about")
    data = read(tmp_path)
    assert list(data.items) == ["Nováková", "Dvořák", "Kostas"]
    assert data.ids == ["Czech.txt:1", "Czech.txt:3", "Greek.txt:1"]
    assert data.classes == ("Czech", "Greek")
    assert [fault.where for fault in data.faults] == ["Empty.txt"]


def test_one_text_a_file(tmp_path):
    for name in ("pos/1.txt", "neg/1.txt"):
        (tmp_path / "train" / name).parent.mkdir(parents=True)
        (tmp_path / "train" / name).write_text(f"text of {name}")
    data = read(tmp_path)
    assert (data.classes, data.items[1]) == (("neg", "pos"), "text of pos/1.txt")


def test_missing_columns_are_named_with_those_that_are_there(tmp_path):
    (tmp_path / "x.csv").write_text("headline,body,score\na b,c d e,1\nb c,d e f,2\n")
    with pytest.raises(DataError, match="headline, body, score"):
        read(tmp_path / "x.csv", kind="text")
    with pytest.raises(DataError, match=r"'bodi'.*did you mean 'body'"):
        read(tmp_path / "x.csv", kind="text", text="bodi")
    assert list(read(tmp_path / "x.csv", kind="text", text="body", target="score").items) == [
        "c d e",
        "d e f",
    ]


@pytest.mark.parametrize("content", ["", "label,text\n", "\n\n"])
def test_an_empty_table_is_an_error(tmp_path, content):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(DataError, match=r"x\.csv"):
        read(tmp_path / "x.csv")


@pytest.mark.parametrize(("file", "count", "classes"), [("mr.tsv", 10662, 2), ("trec_train.tsv", 5452, 6)])
def test_real_sentences(shared_data, file, count, classes):
    data = read(shared_data("text_classification") / file)
    assert (len(data), len(data.classes), data.faults) == (count, classes, ())


def test_a_mapping_of_parts(shared_data):
    folder = shared_data("text_classification")
    data = read({"train": folder / "trec_train.tsv", "test": folder / "trec_test.tsv"})
    assert [(data.split == part).sum() for part in ("train", "test")] == [5452, 500]
    with pytest.raises(DataError, match="not one set of data"):
        read(folder)


def test_real_names(shared_data):
    data = read(shared_data("names"))
    counts = dict(zip(data.classes, __import__("numpy").bincount(data.targets), strict=True))
    assert (len(data), counts["Russian"], counts["Vietnamese"]) == (20050, 9384, 73)


def test_texts_without_labels(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "one two"}\n{"text": "three"}\n')
    data = read(tmp_path / "x.jsonl", labels=False)
    assert (list(data.items), data.targets) == (["one two", "three"], None)
