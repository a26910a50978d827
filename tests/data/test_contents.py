"""Whatever is replaced in a data set changes its digest; reading it again does not."""

import io
import subprocess
import sys
import wave
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bicameral.data.contents import contents_digest, is_current
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import segments
from bicameral.data.examples.windows import windows
from bicameral.data.read import read

rng = np.random.default_rng(0)


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(file, "bmp")
    return file.getvalue()


def sound(value: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
        wav.writeframes(np.full(400, value, "<i2").tobytes())
    return file.getvalue()


def text(value: int) -> bytes:
    return b"words that are as long, whatever %03d" % value


FOLDERS = {"bmp": picture, "wav": sound, "txt": text}


def folder(path, ending: str, first: int, last: int):
    for number in range(8):
        name = path / "ab"[number % 2] / f"{number}.{ending}"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(FOLDERS[ending](last if number == 7 else first))
    return path


@pytest.mark.parametrize("ending", FOLDERS)
def test_one_file_of_a_folder_with_as_many_bytes(tmp_path, ending):
    if ending == "wav":
        pytest.importorskip("soundfile")
    same, again, other = (
        folder(tmp_path / name, ending, 100, last) for name, last in (("x", 100), ("y", 100), ("z", 101))
    )
    assert contents_digest(read(same)) == contents_digest(read(again))
    assert contents_digest(read(same)) != contents_digest(read(other))


TABLES = {
    "a text": ("label,text\na,good film\nb,bad film\n", "good film", "good movie"),
    "a label": ("label,text\na,good film\nb,bad film\na,some film\n", "b,bad", "a,bad"),
    "a labelled series": ("label,v1,v2,v3\na,1,2,3\nb,3,4,5\na,1,2,4\n", "3,4,5", "3,4,6"),
    "a value to forecast": ("ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,4\n", ",4", ",5"),
    "the years": ("ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,4\n", "2020", "2021"),
}


@pytest.mark.parametrize("case", TABLES)
def test_one_cell_of_a_table(tmp_path, case):
    before, old, new = TABLES[case]
    file = tmp_path / "table.csv"
    file.write_text(before)
    first = contents_digest(read(file))
    assert contents_digest(read(file)) == first
    file.write_text(before.replace(old, new))
    assert contents_digest(read(file)) != first


X = rng.integers(0, 255, (8, 6, 6), np.uint8)
Y = np.arange(8) % 2
SPLIT = np.array(["train", "train", "train", "train", "val", "val", "test", "test"])
CHANGES = {
    "one pixel": {"X": X + (np.arange(X.size) == 77).reshape(X.shape).astype(np.uint8)},
    "the size": {"X": X[:, :3]},
    "the form": {"X": X.reshape(8, 4, 9)},
    "the type": {"X": X.astype(np.float32)},
    "the order": {"X": X[::-1]},
    "a label": {"y": Y ^ (np.arange(8) == 3)},
    "the groups": {"groups": np.arange(8) // 4},
    "the split": {"split": SPLIT[::-1]},
    "the names of the classes": {"class_names": np.array(["cat", "dog"])},
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_thing_of_an_array_file(tmp_path, change):
    file = tmp_path / "x.npz"
    arrays = {"X": X, "y": Y, "groups": np.arange(8) // 2, "split": SPLIT}
    np.savez(file, **arrays)
    first = contents_digest(read(file, kind="image"))
    np.savez_compressed(file, **arrays)
    assert contents_digest(read(file, kind="image")) == first
    np.savez(file, **(arrays | CHANGES[change]))
    assert contents_digest(read(file, kind="image")) != first


def test_lengths_and_missing_values():
    series = [rng.normal(size=(5, 1)).astype(np.float32) for _ in range(4)]
    cut, holed = [*series[:3], series[3][:4]], [*series[:3], series[3].copy()]
    holed[3][2] = np.nan
    digests = {contents_digest(read((x, list("abab")))) for x in (series, cut, holed)}
    assert len(digests) == 3


def test_pieces_see_the_whole():
    series = read(np.arange(40.0)[:, None])
    later = read(np.arange(40.0)[:, None] + (np.arange(40) == 39)[:, None])
    cut = [contents_digest(windows(data, lookback=4, horizon=2)) for data in (series, later)]
    texts = [read(["a tale told by an idiot" + end], answer="next") for end in ("!", "?")]
    cut += [contents_digest(segments(data, context=4)) for data in texts]
    cut += [contents_digest(windows(series, lookback=4, horizon=1))]
    assert len(set(cut)) == 5


def test_rows_that_are_used_are_seen():
    data = read((X, Y))
    assert contents_digest(data, np.arange(4)) != contents_digest(data, np.arange(5))
    assert contents_digest(data.subset(np.arange(4))) != contents_digest(data.subset(np.arange(1, 5)))


def test_neither_the_name_nor_the_hour_of_a_file_counts():
    data = Dataset(name="x", kind="text", items=["a", "b"], properties={"modified": np.array([1.0, 2.0])})
    moved = replace(data, name="y", properties={"modified": np.array([3.0, 4.0])})
    assert contents_digest(data) == contents_digest(moved)


def test_words_do_not_run_into_each_other():
    def digest(*items):
        return contents_digest(Dataset(name="x", kind="text", items=list(items)))

    assert len({digest("ab", "c"), digest("a", "bc"), digest('a","b', "c"), digest("a", "b", "c")}) == 4


def test_another_process_finds_the_same():
    code = """
import numpy as np
from bicameral.data.contents import contents_digest
from bicameral.data.read import read
print(contents_digest(read((np.arange(96, dtype=np.uint8).reshape(4, 1, 4, 6), list("abab")), kind="image")))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "contents-1:3b68a30b49dc9d1c3328baddbb24ea05"


def test_an_older_rule_is_known_as_such():
    assert is_current(contents_digest(read((X, Y))))
    assert not is_current("576138bb7757c9aa")
