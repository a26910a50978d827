"""What people hold in memory: frames, data sets of other libraries, arrays; one reading at every door."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_wine
from torch.utils.data import DataLoader, TensorDataset

from bicameral.data.audit import audit
from bicameral.data.contents import contents_digest
from bicameral.data.read import read
from bicameral.errors import DataError

X, Y = load_wine(return_X_y=True)
NAMES = load_wine().feature_names
WAVES = np.sin(np.arange(80) / 9 + np.arange(60)[:, None]) + 2 * (np.arange(60) % 2)[:, None]


def frame_of(library: str, columns: dict):
    return pytest.importorskip(library).DataFrame(columns)


def test_two_axes_are_features():
    data = read((X, Y))
    assert (data.kind, data.items[0].shape, len(data.columns)) == ("series", (1, 13), 13)
    assert read((X, Y), kind="series").items[0].shape == (13, 1)
    assert read({"series": X, "y": Y}, kind="series").items[0].shape == (13, 1)


def test_a_bunch_brings_its_names():
    data = read(load_wine())
    assert data.columns == tuple(NAMES)
    assert data.classes == ("class_0", "class_1", "class_2")
    assert read(load_diabetes()).classes == ()


def test_features_raise_no_alarm_of_series():
    findings = {finding.check: finding for finding in audit((X, Y)).findings}
    assert findings["axes of the arrays"].level == "PASS"
    assert findings["blank examples"].level == "PASS"
    assert findings["label leaked into a column"].level == "PASS"


def test_steps_read_as_features_are_asked_about():
    finding = next(f for f in audit((WAVES, np.arange(60) % 2)).findings if f.check == "axes of the arrays")
    assert (finding.level, "kind=series" in finding.message) == ("WARN", True)
    assert audit(read((WAVES, np.arange(60) % 2), kind="series")).at("FAIL") == ()


def test_channels_before_steps_are_no_leak():
    x = WAVES[:, None] + np.array([0, 1])[:, None]
    findings = {f.check: f for f in audit((x, np.arange(60) % 2)).findings}
    assert findings["axes of the arrays"].level == "WARN"
    assert findings["label leaked into a column"].level == "SKIP"
    assert read((x, np.arange(60) % 2), channels="first").items[0].shape == (80, 2)


def test_arrays_that_are_to_be_predicted():
    assert read(X, labels=False).items[0].shape == (1, 13)
    assert read(X).target_columns


@pytest.fixture(params=["pandas", "polars"])
def wine(request):
    columns = dict(zip(NAMES, X.T, strict=True))
    return frame_of(request.param, columns | {"label": [f"class {label}" for label in Y]})


def test_a_frame_with_labels_is_features(wine):
    data = read(wine)
    assert (data.columns, data.items[0].shape) == (tuple(NAMES), (1, 13))
    assert data.classes == ("class 0", "class 1", "class 2")
    np.testing.assert_allclose(np.concatenate(list(data.items)), X, rtol=1e-6)


def test_a_frame_and_a_csv_are_one(wine, tmp_path):
    write = wine.to_csv if hasattr(wine, "to_csv") else wine.write_csv
    write(tmp_path / "wine.csv", **({"index": False} if hasattr(wine, "to_csv") else {}))
    there, here = read(tmp_path / "wine.csv"), read(wine)
    assert there.columns == here.columns
    assert np.array_equal(np.concatenate(list(there.items)), np.concatenate(list(here.items)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_and_its_targets(library):
    frame = frame_of(library, dict(zip(NAMES, X.T, strict=True)))
    series = pytest.importorskip(library).Series(Y)
    assert len(read((frame, series)).classes) == 3
    assert read((frame, Y.astype(float))).classes == ()
    regressed = read(frame, target="alcohol")
    assert (regressed.classes, len(regressed.columns)) == ((), 12)


def test_frames_hold_every_layout_of_a_table():
    texts = {"text": ["good film here", "bad film there"] * 9, "label": ["a", "b"] * 9}
    assert read(frame_of("pandas", texts)).kind == "text"
    hours = np.arange(48).astype("datetime64[h]")
    wide = read(frame_of("pandas", {"ds": hours, "y": np.arange(48.0)}))
    assert (wide.target_columns, len(wide.times[0])) == (("y",), 48)
    long = {"unique_id": ["a"] * 24 + ["b"] * 24, "ds": hours[:24].tolist() * 2, "y": np.arange(48.0)}
    assert len(read(frame_of("polars", long))) == 2


def test_a_clock_in_the_index():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"load": np.arange(48.0)}, index=pandas.date_range("2020", periods=48, freq="h"))
    data = read(frame)
    assert (data.columns, len(data.times[0])) == (("load",), 48)


def test_cells_that_are_missing_stay_missing():
    frame = frame_of("pandas", {"a": [1.0, None, 3.0], "b": ["x", None, "y"], "label": ["p", "q", None]})
    data = read(frame)
    assert np.isnan(data.items[1][0, 0])
    assert len(data) == 2


def test_parquet(tmp_path):
    polars = pytest.importorskip("polars")
    polars.DataFrame({"text": ["some words"] * 4, "label": list("abab")}).write_parquet(
        tmp_path / "x.parquet"
    )
    data = read(tmp_path / "x.parquet")
    assert (data.kind, data.classes) == ("text", ("a", "b"))
    (tmp_path / "y.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"y\.parquet is no readable"):
        read(tmp_path / "y.parquet")


def test_data_sets_of_torch():
    pictures = torch.arange(8 * 3 * 4 * 4).reshape(8, 3, 4, 4).float()
    data = read(TensorDataset(pictures, torch.arange(8) % 2))
    assert (data.kind, data.items[0].shape, data.classes) == ("image", (3, 4, 4), ("0", "1"))
    assert read([(1, 2), (3, 4)]).kind == "series"
    with pytest.raises(DataError, match=r"pass its \.dataset"):
        read(DataLoader(TensorDataset(pictures)))


class Rows(torch.utils.data.Dataset):
    """Series of unequal length with names."""

    def __len__(self):
        return 6

    def __getitem__(self, row):
        return {"x": torch.ones(row + 3, 2), "label": "ab"[row % 2]}


def test_examples_that_are_dictionaries():
    data = read(Rows())
    assert ([len(item) for item in data.items], data.classes) == ([3, 4, 5, 6, 7, 8], ("a", "b"))


class Labels:
    """A column of classes."""

    names = ("bad", "good")


class Columns:
    """What a data set of Hugging Face looks like from outside."""

    column_names = ("text", "label")
    features = {"text": None, "label": Labels()}  # noqa: RUF012

    def __getitem__(self, name):
        return {"text": ["a film", "the film", "one film", "some film"], "label": [0, 1, 0, 1]}[name]


def test_data_sets_of_hugging_face():
    data = read(Columns())
    assert (data.kind, data.classes, data.targets.tolist()) == ("text", ("bad", "good"), [0, 1, 0, 1])
    parted = read({"train": Columns(), "test": Columns()})
    assert parted.split.tolist() == ["train"] * 4 + ["test"] * 4
    assert parted.classes == ("bad", "good")


def test_one_reading_whatever_the_container():
    digests = {
        contents_digest(read(source))
        for source in ((X, Y), {"X": X, "y": Y}, TensorDataset(*map(torch.tensor, (X, Y))))
    }
    assert len(digests) == 1
