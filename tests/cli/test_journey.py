"""From a file of data to an answer, through the command line alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bicameral.cli.train import run_name


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sixty short series, rising or falling, in an npz."""
    rng = np.random.default_rng(0)
    y = np.repeat(["falling", "rising"], 30)
    drift = np.where(y == "rising", 0.3, -0.3)[:, None] * np.arange(12)
    X = (drift + rng.normal(0, 0.3, (60, 12)))[..., None].astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "trends.npz"
    np.savez(path, X=X, y=y)
    return path


@pytest.fixture
def artifact(bicameral, data, tmp_path):
    result = bicameral(
        "train", data, "--model", "linear", "--budget", "60steps", "--runs", tmp_path, "--json"
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["artifact"]


def test_check_says_what_was_read(bicameral, data):
    result = bicameral("check", data, "--json")
    found = json.loads(result.stdout)
    assert found["data"]["examples"] == 60
    assert found["data"]["classes"] == ["falling", "rising"]
    assert result.exit_code == (0 if found["passed"] else 1)


def test_check_fails_on_a_leak(bicameral, data, tmp_path):
    """The same examples in training and test."""
    arrays = np.load(data)
    split = np.repeat(["train", "test"], 60)
    both = {key: np.concatenate([arrays[key]] * 2) for key in ("X", "y")}
    np.savez(tmp_path / "leak.npz", **both, split=split)
    result = bicameral("check", tmp_path / "leak.npz")
    assert result.exit_code == 1
    assert "FAIL" in result.stdout
    assert "duplicates" in result.stdout


def test_a_trained_artifact_predicts(bicameral, data, artifact):
    answers = json.loads(bicameral("predict", artifact, data, "--json").stdout)
    right = [answer["class"] == ("falling" if row < 30 else "rising") for row, answer in enumerate(answers)]
    assert len(answers) == 60
    assert np.mean(right) > 0.9


def test_answers_for_people_are_one_a_line(bicameral, data, artifact):
    lines = bicameral("predict", artifact, data).stdout.splitlines()
    assert len(lines) == 60
    assert lines[0].split("\t")[:2] == ["row 0", "falling"]


def test_eval_scores_labelled_data(bicameral, data, artifact):
    metrics = json.loads(bicameral("eval", artifact, data, "--json").stdout)
    assert metrics["accuracy"] > 0.9


def test_settings_reach_the_model_and_the_recipe(bicameral, data, tmp_path):
    arguments = ["--model", "gru", "--dry-run", "--json", "width=7", "learning_rate=1e-3", "kind=series"]
    parts = json.loads(bicameral("train", data, "--runs", tmp_path, *arguments).stdout)
    assert parts["overrides"] == {"width": 7}
    assert parts["recipe"] == {"learning_rate": 1e-3}
    assert parts["data_options"] == {"kind": "series"}
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_what_training_would_cost(bicameral, data, tmp_path):
    arguments = ["--model", "gru", "--budget", "12epochs", "--runs", tmp_path, "--dry-run", "--json"]
    cost = json.loads(bicameral("train", data, *arguments, "width=7", "batch_size=8").stdout)
    assert cost["parameters"] == 3 * 7 * (1 + 7) + 6 * 7 + (2 * 7 + 1) * 2  # gates, their biases, the head
    assert cost["steps"] == 12 * cost["steps an epoch"]
    assert cost["seconds"] == pytest.approx(12 * cost["seconds an epoch"], rel=0.02)
    assert not list(tmp_path.iterdir())


def test_without_a_model_those_that_suit_the_data_race(bicameral, data, tmp_path):
    arguments = ["train", data, "--budget", "3steps", "--runs", tmp_path, "kind=series", "batch_size=8"]
    planned = json.loads(bicameral(*arguments, "--dry-run", "--json").stdout)
    assert planned["model"] == "a race"
    made = bicameral(*arguments, "--json")
    card = json.loads(made.stdout)
    assert {row["contestant"] for row in planned["race"]} >= {row["contestant"] for row in card["race"]}
    assert Path(card["artifact"]).name.endswith("-best")
    lines = made.stderr.splitlines()
    assert lines[0].split() == ["contestant", "val", "accuracy", "seconds"]
    assert [line.split()[0] for line in lines[1:]] == [row["contestant"].split()[0] for row in card["race"]]


def test_a_dry_run_says_only_what_was_asked(bicameral, data):
    said = bicameral("train", data, "--model", "linear", "--dry-run", "batch_size=8").stdout
    assert "None" not in said
    assert "{}" not in said
    assert "{'batch_size': 8}" in said


@pytest.mark.parametrize(
    ("source", "name"),
    [("slow.csv.gz", "slow"), ("slow.v2.csv", "slow.v2"), ("photos.v2", "photos.v2"), (".", "here")],
)
def test_a_run_is_called_like_its_data_without_their_endings(tmp_path, monkeypatch, source, name):
    (tmp_path / "here" / "photos.v2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert run_name(source) == name


def test_a_dry_run_of_what_is_solved_at_once_has_no_steps(bicameral, data):
    cost = json.loads(bicameral("train", data, "--model", "mini_rocket", "--dry-run", "--json").stdout)
    assert cost["trained"].startswith("at once")
    assert cost["FLOPs an example"] > 0


def test_a_misspelt_setting_gets_the_nearest_name(bicameral, data):
    result = bicameral("train", data, "--model", "gru", "widht=7")
    assert result.exit_code == 2
    assert "did you mean 'width'?" in result.stderr


def test_new_pictures_need_no_labels(bicameral, tmp_path):
    """Dark and bright pictures in class folders to train on, and bare files to answer for."""
    for name, shade in (("dark", 40), ("bright", 200)):
        for number in range(12):
            path = tmp_path / "photos" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Image.new("L", (4, 4), shade + number)
            picture.putpixel((number % 4, number // 4), 128)
            picture.save(path)
    (tmp_path / "new").mkdir()
    Image.new("L", (4, 4), 210).save(tmp_path / "new" / "sky.png")
    arguments = ["--model", "linear", "--budget", "60steps", "--runs", tmp_path / "runs"]
    assert bicameral("train", tmp_path / "photos", *arguments).exit_code == 0
    result = bicameral("predict", tmp_path / "runs" / "photos-linear", tmp_path / "new")
    assert result.stdout.split("\t")[:2] == ["sky.png", "bright"]


def test_what_answers_no_next_step_is_not_asked_to_go_on(bicameral, artifact):
    refused = bicameral("generate", artifact, "--prompt", "nowhere")
    assert refused.exit_code == 2
    assert "answers classify; generate needs one trained with answer=next" in refused.stderr


def test_check_audits_a_forecast_as_it_will_be_cut(bicameral, tmp_path):
    path = tmp_path / "load.csv"
    path.write_text("value\n" + "".join(f"{(row * row) % 37 + row / 9:.3f}\n" for row in range(400)))
    result = bicameral("check", path, "horizon=8", "lookback=16", "--json")
    findings = {found["check"]: found for found in json.loads(result.stdout)["audit"]["findings"]}
    assert findings["overlapping windows"]["level"] == "PASS"
    assert "target in two parts" in findings["overlapping windows"]["message"]
    assert "horizon 500" in bicameral("check", path, "horizon=500").stderr
