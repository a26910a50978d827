"""An artifact on disk: what comes back answers alike, and what does not fit is said."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bicameral.artifact import CONFIG, WEIGHTS, Artifact
from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import windows
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.disk import write_json
from bicameral.errors import ArtifactError, DataError
from bicameral.problems.options import asked_of
from bicameral.tasks.network import Network


def untrained(dataset: Dataset, model: str, options: dict | None = None) -> Artifact:
    rows = np.arange(len(dataset))
    preprocessing = fit_preprocessing(dataset, rows)
    posed, asked = asked_of(dataset, options)
    task = posed.fitted(dataset, rows, preprocessing, asked)
    torch.manual_seed(0)
    return Artifact(Network(preprocessing.layout, task, model), preprocessing, task, {"data": dataset.name})


@pytest.fixture
def series() -> Dataset:
    """Series of three classes and unequal lengths."""
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(length, 2)).astype(np.float32) for length in (5, 9, 7, 9, 6, 8)]
    targets = np.array([0, 1, 2, 0, 1, 2])
    return Dataset(name="walks", kind="series", items=items, targets=targets, classes=("a", "b", "c"))


@pytest.fixture
def tide() -> Dataset:
    """One series to be forecast."""
    item = np.sin(np.arange(60, dtype=np.float32))[:, None]
    columns = ("height",)
    return Dataset(
        name="tide", kind="series", items=[item], ids=["pier"], columns=columns, target_columns=columns
    )


def test_what_comes_back_answers_alike(series, tmp_path):
    artifact = untrained(series, "gru")
    artifact.save_pretrained(tmp_path / "kept")
    again = Artifact.from_pretrained(tmp_path / "kept")
    torch.testing.assert_close(again.outputs(series), artifact.outputs(series), rtol=0, atol=0)
    assert again.task == artifact.task
    assert again.card == artifact.card


def test_saving_again_replaces_the_artifact_and_nothing_else(series, tmp_path):
    folder = untrained(series, "lstm").save_pretrained(tmp_path / "kept")
    (folder / "figures").mkdir()
    for name in ("NOTES.md", "figures/loss.svg"):
        (folder / name).write_text("a user's")
    untrained(series, "gru").save_pretrained(folder)
    assert Artifact.from_pretrained(folder).network.entry.name == "gru"
    assert [(folder / name).read_text() for name in ("NOTES.md", "figures/loss.svg")] == ["a user's"] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_classes_of_other_data_are_matched_by_name(series):
    """Examples of "c" and "a" alone, which a reader numbers 1 and 0, score as they do among all."""
    artifact = untrained(series, "gru")
    rows = np.array([0, 2, 3, 5])
    some = replace(series.subset(rows), targets=np.array([0, 1, 0, 1]), classes=("a", "c"))
    assert artifact.evaluate(some) == artifact.evaluate(series, rows)


def test_a_model_that_is_not_installed_is_named_with_its_artifact(series, tmp_path):
    folder = untrained(series, "gru").save_pretrained(tmp_path / "kept")
    config = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(config.replace('"model": "gru"', '"model": "grue"'))
    with pytest.raises(ArtifactError, match=r"kept was made with the model 'grue', which is not installed"):
        Artifact.from_pretrained(folder)


@pytest.mark.parametrize("name", ["file", "notes", "transformer"])
def test_what_is_no_artifact_is_never_replaced(series, tmp_path, name):
    (tmp_path / "notes").mkdir()
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / CONFIG).write_text('{"model_type": "bert"}')  # as many a project has it
    for path in (tmp_path / "file", tmp_path / "notes" / "thesis.txt"):
        path.write_text("years of work")
    with pytest.raises(ArtifactError, match=f"{name} holds something else than an artifact"):
        untrained(series, "gru").save_pretrained(tmp_path / name)
    assert (tmp_path / "file").exists()
    assert (tmp_path / "notes" / "thesis.txt").exists()
    assert (tmp_path / "transformer" / CONFIG).exists()


def test_json_has_a_row_of_numbers_on_a_line(tmp_path):
    value = {
        "graph": [[1, 0.5], [None, -2e-9]],
        "no": [],
        "a[": ["b[", "]"],
        "of": [{"x": 1}],
        "t": "[\n1\n]",
    }
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text()
    assert json.loads(text) == value
    assert "[1, 0.5]" in text
    assert len(text.splitlines()) == 17


def test_an_unknown_class_is_named(series):
    with pytest.raises(DataError, match="'d' that was not trained"):
        untrained(series, "gru").evaluate(replace(series, classes=("a", "b", "d")))


def test_labels_are_needed_to_judge(series):
    with pytest.raises(DataError, match="no labels"):
        untrained(series, "gru").evaluate(replace(series, targets=None))


def test_numbers_are_no_classes(series):
    numbers = replace(series, targets=np.arange(6, dtype=np.float32), classes=())
    with pytest.raises(DataError, match="answer=classify"):
        untrained(series, "gru").evaluate(numbers)
    with pytest.raises(DataError, match="answer=regress"):
        untrained(numbers, "gru").evaluate(series)


def test_another_kind_of_data_is_refused(series):
    pictures = Dataset(name="photos", kind="image", items=[np.zeros((3, 8, 8), np.uint8)])
    with pytest.raises(DataError, match="image data; this reads series data"):
        untrained(series, "gru").predict(pictures)


def test_a_forecast_follows_the_end_of_the_series(tide):
    cut = windows(tide, lookback=12, horizon=3)
    artifact = untrained(cut, "last_value", {"lookback": 12, "horizon": 3})
    (answer,) = artifact.predict(tide)
    assert answer["id"] == "pier"
    np.testing.assert_allclose(answer["height"], [np.sin(59.0)] * 3, atol=1e-5)
    assert artifact.evaluate(tide) == artifact.evaluate(cut)


def test_too_short_a_past_is_refused(tide):
    cut = windows(tide, lookback=12, horizon=3)
    artifact = untrained(cut, "last_value", {"lookback": 12, "horizon": 3})
    with pytest.raises(DataError, match="looks back 12"):
        artifact.predict(replace(tide, items=[tide.items[0][:11]]))


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(series, tmp_path, name):
    folder = untrained(series, "gru").save_pretrained(tmp_path / "kept")
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        Artifact.from_pretrained(folder)


def cut_short(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])


def not_json(folder):
    (folder / CONFIG).write_text("{")


def lacks_a_key(folder):
    config = json.loads((folder / CONFIG).read_text())
    del config["layout"]
    (folder / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize("damage", [cut_short, not_json, lacks_a_key])
def test_a_damaged_artifact_says_so(series, tmp_path, damage):
    folder = untrained(series, "gru").save_pretrained(tmp_path / "kept")
    damage(folder)
    with pytest.raises(ArtifactError, match=r"damaged or of another version|was changed after"):
        Artifact.from_pretrained(folder)


def edited(folder, **fields):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | fields))


def other_statistics(folder):
    preprocessing = json.loads((folder / CONFIG).read_text())["preprocessing"]
    edited(folder, preprocessing=preprocessing | {"deviation": [0.0, 1.0]})


def one_flipped_bit(folder):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-3] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def weights_of_another(folder):
    state = load_file(folder / WEIGHTS)
    save_file({name: torch.full_like(value, torch.nan) for name, value in state.items()}, folder / WEIGHTS)


@pytest.mark.parametrize(
    "change",
    [
        one_flipped_bit,
        weights_of_another,
        other_statistics,
        lambda folder: edited(folder, overrides={"width": 3}),
    ],
)
def test_an_artifact_changed_after_it_was_saved_is_refused(series, tmp_path, change):
    folder = untrained(series, "gru").save_pretrained(tmp_path / "kept")
    change(folder)
    with pytest.raises(ArtifactError, match="was changed after it was saved"):
        Artifact.from_pretrained(folder)


def test_an_artifact_without_checksums_is_still_read(series, tmp_path):
    folder = untrained(series, "gru").save_pretrained(tmp_path / "kept")
    config = json.loads((folder / CONFIG).read_text())
    del config["sha256"]
    (folder / CONFIG).write_text(json.dumps(config))
    assert Artifact.from_pretrained(folder).network.entry.name == "gru"


def test_an_artifact_of_a_newer_version_is_refused(series, tmp_path):
    folder = untrained(series, "gru").save_pretrained(tmp_path / "kept")
    edited(folder, bicameral="9.9.9")
    with pytest.raises(ArtifactError, match=r"saved by bicameral 9\.9\.9"):
        Artifact.from_pretrained(folder)
