"""Texts to be continued: read as they are, cut into segments that ask for every token once."""

import numpy as np
import pytest

from bicameral.data.batches.prepared import Prepared
from bicameral.data.examples.segments import is_continued, runs, segments
from bicameral.data.preprocessing.continued import fit_continued
from bicameral.data.read import read
from bicameral.data.split.splits import split
from bicameral.errors import DataError

TEXT = "".join(chr(97 + (7 * n * n + n) % 26) for n in range(1000))


def written(folder, **texts):
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_one_file_is_one_text(tmp_path):
    dataset = read(written(tmp_path, play="One.\r\nTwo.\n") / "play.txt", answer="next")
    assert dataset.items == ["One.\nTwo.\n"]
    assert is_continued(dataset)


def test_broken_encodings_are_quarantined(tmp_path):
    dataset = read(written(tmp_path, a="fine", b=b"caf\xe9", c=" \n"), answer="next")
    assert list(dataset.ids) == ["a.txt"]
    assert [(fault.where, fault.what.split(";")[0]) for fault in dataset.faults] == [
        ("b.txt", "not UTF-8 (byte 3)"),
        ("c.txt", "holds no text"),
    ]


def test_nothing_but_broken_files_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no text to continue; the first is b"):
        read(written(tmp_path, b=b"caf\xe9") / "b.txt", answer="next")


def test_folders_may_name_the_parts(tmp_path):
    dataset = read(written(tmp_path, train__a="abc", val__b="bcd", test__c="cde"), answer="next")
    assert dict(zip(dataset.ids, dataset.split, strict=True)) == {
        "train/a.txt": "train", "val/b.txt": "val", "test/c.txt": "test",
    }  # fmt: skip


def test_parts_may_be_given_one_by_one(tmp_path):
    folder = written(tmp_path, a="abc", b="bcd")
    dataset = read({"train": folder / "a.txt", "test": folder / "b.txt"}, answer="next")
    assert list(dataset.split) == ["train", "test"]


def test_a_table_of_texts_is_continued_too(tmp_path):
    (tmp_path / "names.csv").write_text("label,text\nx,some words\ny,more words\n")
    dataset = read(tmp_path / "names.csv", answer="next", kind="text")
    assert dataset.items == ["some words", "more words"]
    assert is_continued(dataset)


def test_what_cannot_be_continued_is_refused(tmp_path):
    with pytest.raises(DataError, match="values other than 0 and 1"):
        read(np.random.default_rng(0).normal(size=(50, 3)), answer="next")
    with pytest.raises(DataError, match="arrays is image data; only texts"):
        read(np.zeros((4, 8, 8), np.uint8), answer="next")
    with pytest.raises(DataError, match=r"no option 'contxt'; did you mean 'context'\?"):
        read(written(tmp_path, a="abc") / "a.txt", answer="next", contxt=3)


@pytest.mark.parametrize("context", [1, 7, 100, 5000])
def test_every_character_but_the_first_is_asked_for_once(context):
    cut = segments(read([TEXT, "ab"], answer="next"), context=context)
    prepared = Prepared(cut, fit_continued(cut, np.arange(len(cut)), context=context, unit="characters"))
    asked = {0: [], 1: []}
    for row, number in enumerate(cut.targets.sequence):
        batch = prepared.batch(np.array([row]))
        letters = prepared.preprocessing.vocabulary
        asked[int(number)] += [letters[token - 2] for token in batch.y[0].tolist()]
        assert batch.x.shape[1] <= context
    assert ["".join(letters) for letters in asked.values()] == [TEXT[1:], "b"]
    assert len(runs(cut.targets, np.arange(len(cut)))) == 2


def test_padding_asks_nothing():
    cut = segments(read([TEXT[:11]], answer="next"), context=8)
    prepared = Prepared(cut, fit_continued(cut, np.arange(len(cut)), context=8, unit="characters"))
    assert prepared.batch(np.arange(len(cut))).y[-1].tolist()[1:] == [0] * 7


def test_words_are_cut_between_words():
    cut = segments(read(["The cat, the DOG and the cow ran."], answer="next"), context=3, unit="words")
    prepared = Prepared(cut, fit_continued(cut, np.arange(len(cut)), context=3, unit="words"))
    assert prepared.preprocessing.vocabulary == ("the",)  # the others are seen once
    assert [len(prepared.example(row)) for row in range(len(cut))] == [4, 4, 4]
    assert cut.items[1] == "the dog and the "


def test_one_text_is_split_by_position():
    cut = segments(read([TEXT], answer="next"), context=64)
    parts = split(cut, seed=3)
    assert parts.how == "by position"
    ends = [cut.targets.end[rows].max() for rows in (parts.train, parts.val, parts.test)]
    assert ends == [900, 950, 999]
    assert cut.targets.begin[parts.val].min() == 900


def test_many_texts_are_held_out_whole():
    cut = segments(read([TEXT[n : n + 40] for n in range(0, 800, 40)], answer="next"), context=16)
    parts = split(cut, seed=0)
    assert parts.how == "grouped"
    held = [set(cut.targets.sequence[rows]) for rows in (parts.train, parts.val, parts.test)]
    assert not held[0] & held[1] | held[0] & held[2] | held[1] & held[2]


def test_a_text_of_one_character_is_named():
    cut = segments(read(["a", "abc"], answer="next"), context=4)
    assert [(fault.where, fault.what) for fault in cut.faults] == [
        ("row 0", "nothing follows its first step")
    ]
    with pytest.raises(DataError, match="no sequence of arrays has two steps"):
        segments(read(["a"], answer="next"), context=4)
