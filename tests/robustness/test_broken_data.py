"""Broken and extreme data: refused in one clear sentence, or read with every loss named."""

import re

import numpy as np
import pytest

import bicameral
from bicameral.cli.show import UNSEEN
from bicameral.data.examples.windows import windows
from bicameral.errors import DataError

X = np.random.default_rng(0).normal(size=(40, 6, 2))
Y = np.arange(40) % 2
PICTURES = np.random.default_rng(0).random((12, 1, 4, 4)).astype(np.float32)


def with_value(values, value, at):
    values = values.copy()
    values[at] = value
    return values


REFUSED = {
    "one class": ({"X": X, "y": Y * 0}, "one class only"),
    "two examples": ({"X": X[:2], "y": Y[:2]}, "cannot be divided"),
    "no example": ({"X": X[:0], "y": Y[:0]}, "no example"),
    "no step": ({"X": X[:, :0], "y": Y}, "no usable example"),
    "nothing but NaN": ({"X": X * np.nan, "y": Y}, "40 holds no value"),
    "no target": ({"X": X, "y": Y * np.nan}, "40 has no target"),
    "too few targets": ({"X": X, "y": Y[:9]}, "40 examples and 9 targets"),
    "too few groups": ({"X": X, "y": Y, "groups": Y[:9]}, "40 examples and 9 groups"),
    "too few parts": ({"X": X, "y": Y, "split": ["train"] * 9}, "9 parts"),
    "misspelt part": ({"X": X, "y": Y, "split": ["trian"] * 40}, "trian"),
    "row outside": ({"X": X, "y": Y, "train_index": [0], "test_index": [99]}, "row 99 of 40"),
    "a class each": ({"X": X, "y": np.arange(40)}, "class of its own"),
    "one group": ({"X": X, "y": Y, "groups": Y * 0}, "all belong to the group '0'.*bring one"),
    "equal examples": ({"X": np.ones_like(X), "y": Y}, "all are equal to the byte"),
    "numbers in two columns": ({"X": X, "y": np.stack([Y, Y + 5], 1)}, "0 or 1 a column"),
    "complex": ({"X": X + 1j, "y": Y}, "complex"),
    "dates as targets": ({"X": X, "y": Y.astype("datetime64[D]")}, "targets are date"),
}


@pytest.mark.parametrize(("arrays", "reason"), REFUSED.values(), ids=REFUSED)
def test_arrays_that_cannot_be_learned_from(refused, tmp_path, arrays, reason):
    np.savez(tmp_path / "data.npz", **arrays)
    runs = tmp_path / "runs"
    said = refused("train", tmp_path / "data.npz", "--model", "gru", "--budget", "1steps", "--runs", runs)
    assert re.search(reason, said), said
    assert not runs.exists()


@pytest.mark.parametrize(
    ("y", "kinds"), [([None] * 40, "NoneType"), ([1, "a"] * 20, "int, str"), (5, "int")], ids=str
)
def test_targets_of_no_sort(y, kinds):
    with pytest.raises(DataError, match=kinds):
        bicameral.read((X, np.array(y, dtype=object)))


NO_DATA = {
    "nothing": None,
    "a number": 5,
    "a scalar": np.array(5),
    "a generator": (row for row in X),
    "no arrays": {},
    "a set": set(),
}


@pytest.mark.parametrize("source", NO_DATA.values(), ids=NO_DATA)
def test_what_is_no_data(source):
    with pytest.raises(DataError):
        bicameral.read(source)


@pytest.mark.parametrize("path", ["", "https://example.org/data.csv"])
def test_what_is_no_path(path):
    with pytest.raises(DataError, match=f"'{path}' is no path"):
        bicameral.read(path)


def test_a_file_of_scalars_is_named(tmp_path):
    np.savez(tmp_path / "one.npz", X=np.float32(3), y=1)
    with pytest.raises(DataError, match=r"one\.npz holds no data"):
        bicameral.read(tmp_path / "one.npz")


def test_a_folder_without_a_name_is_called_like_itself(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    np.savez(tmp_path / "here" / "data.npz", X=X, y=Y)
    monkeypatch.chdir(tmp_path / "here")
    assert bicameral.read(".").name == "here"


@pytest.mark.parametrize("infinite", [np.inf, -np.inf, 1e300])
def test_infinite_values_are_missing_and_named(infinite):
    dataset = bicameral.read((with_value(X, infinite, (3, 2, 1)), Y))
    assert np.isnan(dataset.items[3][2, 1])
    assert [fault.where for fault in dataset.faults] == ["row 3"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_with_pixels_that_are_no_numbers_are_set_aside(value):
    dataset = bicameral.read((with_value(PICTURES, value, (3, 0, 1, 1)), Y[:12]))
    assert len(dataset) == 11
    assert dataset.faults[0].what == "holds NaN or infinity"


TABLES = {
    "a word in a row": ("label,v1,v2,v3\n" + "a,1,2,3\nb,2,3,4\n" * 20 + "a,1,oops,3\n", "oops"),
    "infinity in a row": ("label,v1,v2,v3\n" + "a,1,2,3\nb,2,3,4\n" * 20 + "a,1,inf,3\n", "inf"),
    "infinity in a series": ("time,value\n" + "".join(f"{i},{i}\n" for i in range(40)) + "40,inf\n", "inf"),
}


@pytest.mark.parametrize(("text", "cell"), TABLES.values(), ids=TABLES)
def test_cells_without_a_number_are_missing_and_named(tmp_path, text, cell):
    (tmp_path / "data.csv").write_text(text)
    dataset = bicameral.read(tmp_path / "data.csv")
    assert cell in dataset.faults[0].what
    assert all(np.isfinite(item).all() or np.isnan(item).any() for item in dataset.items)
    assert not any(np.isinf(item).any() for item in dataset.items)


def test_a_column_of_times_that_are_none_is_named(tmp_path):
    (tmp_path / "data.csv").write_text("time,value\n" + "".join(f"day{i},{i}\n" for i in range(40)))
    dataset = bicameral.read(tmp_path / "data.csv")
    assert dataset.times is None
    assert (dataset.faults[0].where, dataset.faults[0].what) == (
        "data.csv, column time",
        "no time stamps; rows follow as they stand",
    )


def test_a_series_too_short_for_any_forecast_is_told_no_other_lookback():
    with pytest.raises(DataError, match="too short for lookback 1 and horizon 1; bring longer ones"):
        windows(bicameral.read(np.zeros((5, 1, 1), np.float32)), lookback=1, horizon=1)


FILES = {
    "empty.csv": ("", "no row"),
    "head.csv": ("text,label\n", "no rows below its header"),
    "blank.csv": ("text,label\n" + ",a\n,b\n" * 9, "no row with both a text and a label"),
    "bad.jsonl": ("{not json\n[1]\n", "bad.jsonl:1 is not JSON"),
    "words.csv": ("time,value\n" + "".join(f"{i},w{i}\n" for i in range(90)), "no column of numbers"),
    "missing.csv": ("time,value\n" + "1,\n2,\n", "everything is missing"),
    "short.csv": ("time,value\n1,2\n2,3\n3,4\n", "too short"),
    "broken.npz": ("PK", "no readable array file"),
    "noise.npz": ("noise", "it holds Python objects, or no arrays at all"),
    "broken.zip": ("PK", "not a file that is understood"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_hold_nothing_to_learn_from(refused, tmp_path, name):
    text, reason = FILES[name]
    (tmp_path / name).write_text(text)
    assert reason in refused("compare", tmp_path / name, "--runs", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_long_list_of_faults_is_cut_on_a_terminal_only(bicameral, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n" + "one two,a\nthree four,b\n" * 20 + ",a\n" * 50)
    assert bicameral("check", tmp_path / "a.csv").stdout.count("QUARANTINED") == 21
    assert "and 30 more" in bicameral("check", tmp_path / "a.csv").stdout
    assert bicameral("check", tmp_path / "a.csv", "--json").stdout.count("empty text") > 50


def test_hostile_class_names_are_shown_escaped(bicameral, tmp_path, series):
    names = np.where(series[1] == 0, "<b>\nx\x1b[31m", "\u202eevil")
    np.savez(tmp_path / "h.npz", X=series[0], y=names)
    trained = bicameral(
        "train", tmp_path / "h.npz", "--model", "linear", "--budget", "2steps", "--runs", tmp_path
    )
    assert trained.exit_code == 0, trained.stderr
    lines = bicameral("predict", tmp_path / "h-linear", tmp_path / "h.npz").stdout.splitlines()
    assert len(lines) == 40
    assert not any(UNSEEN.search(line.replace("\t", "")) for line in lines)


def test_file_names_that_are_no_utf_8_are_read_and_saved(bicameral, tmp_path):
    from PIL import Image

    for row in range(24):
        folder = tmp_path / "photos" / ("cat" if row % 2 else "d\udcffg")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(row).integers(0, 255, (8, 8), np.uint8)).save(
            folder / f"{row}.png"
        )
    ran = bicameral(
        "train", tmp_path / "photos", "--model", "linear", "--budget", "2steps", "--runs", tmp_path, "--json"
    )
    assert ran.exit_code == 0, (ran.stderr, ran.exception)


def test_many_channels_are_audited_in_seconds():
    wide = np.random.default_rng(0).normal(size=(60, 1, 2000))
    assert bicameral.audit((wide, np.arange(60) % 2)).passed


def test_a_channel_that_is_the_label_is_still_found_among_many():
    wide = np.random.default_rng(0).normal(size=(60, 1, 200))
    labels = np.arange(60) % 3
    wide[:, 0, 77] = labels + 0.01 * wide[:, 0, 0]
    assert "channel 77" in str(bicameral.audit((wide, labels)))


def test_predict_reads_texts_without_labels(bicameral, tmp_path):
    (tmp_path / "a.csv").write_text(
        "text,label\n" + "".join(f"one two {row},{'ab'[row % 2]}\n" for row in range(40))
    )
    trained = bicameral(
        "train", tmp_path / "a.csv", "--model", "linear", "--runs", tmp_path, "--budget", "1steps"
    )
    assert trained.exit_code == 0, trained.stderr
    (tmp_path / "lines.txt").write_text("one two , three\nfour\n")
    (tmp_path / "table.csv").write_text("text\none two\nthree\n")
    for name in ("lines.txt", "table.csv"):
        assert bicameral("predict", tmp_path / "a-linear", tmp_path / name).stdout.count("\n") == 2
