"""Training one model looks at its data first."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bicameral.cli.app import app
from bicameral.errors import DataError
from bicameral.training.train import train
from bicameral.training.trainer import Trainer


@pytest.fixture
def leak():
    """The test part stands in the training part."""
    X, y = np.random.default_rng(0).normal(size=(60, 6, 2)).astype(np.float32), np.arange(60) % 2
    split = np.repeat(["train", "val", "test"], 40)
    return {"X": np.concatenate([X, X]), "y": np.concatenate([y, y]), "split": split}


def test_a_leak_stops_the_training_and_leaves_nothing(leak, tmp_path):
    with pytest.raises(DataError, match=r"the audit failed .*duplicates"):
        train(leak, "gru", folder=tmp_path / "run", budget="1steps", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_an_overridden_leak_stands_in_the_card(leak, tmp_path):
    made = train(leak, "gru", folder=tmp_path / "run", budget="1steps", progress=False, override_audit=True)
    assert "overridden: exact duplicates across parts" in made.card["audit"]
    assert "overridden" in (tmp_path / "run" / "card.md").read_text()


def test_the_same_on_the_command_line(leak, tmp_path):
    np.savez(tmp_path / "leak.npz", **leak)
    arguments = ["train", str(tmp_path / "leak.npz"), "--model", "linear", "--budget", "1steps"]
    arguments += ["--runs", str(tmp_path / "runs"), "--json"]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: the audit failed")
    others = CliRunner().invoke(app, [*arguments, "--override-audit", "groups"])
    assert "audit failed" in others.stderr
    went_on = CliRunner().invoke(app, [*arguments, "--override-audit"])
    assert "overridden" in json.loads(went_on.stdout)["audit"]


def test_sound_data_say_so(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(60, 6, 2)).astype(np.float32), np.arange(60) % 2
    made = train((X, y), "linear", folder=tmp_path / "run", budget="1steps", progress=False)
    assert "checks passed" in made.card["audit"]
    assert "overridden" not in made.card["audit"]


def test_a_budget_too_short_for_a_look_at_every_example_says_so(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(60, 6, 2)).astype(np.float32), np.arange(60) % 2
    recipe = {"batch_size": 9}
    for steps, said in (("1steps", True), ("4steps", False)):
        made = train((X, y), "gru", folder=tmp_path / steps, budget=steps, recipe=recipe, progress=False)
        assert ("too short" in made.card) == said
        assert "val accuracy" in made.card


def test_training_too_slow_to_validate_is_judged_on_the_test_part_alone(tmp_path, monkeypatch):
    X, y = np.random.default_rng(0).normal(size=(60, 6, 2)).astype(np.float32), np.arange(60) % 2
    monkeypatch.setattr(Trainer, "_validation_cost", lambda _trainer: 1.0)
    made = train((X, y), "gru", folder=tmp_path / "run", budget="0.2s", progress=False)
    assert "test accuracy" in made.card
    assert "val accuracy" not in made.card


def test_a_folder_that_cannot_be_made_is_told_before_training(leak, tmp_path, monkeypatch):
    monkeypatch.setattr("bicameral.training.train.learn", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        train(leak, "gru", folder=tmp_path / "file" / "run", budget="1steps", override_audit=True)


def test_a_training_stopped_before_anything_was_saved_leaves_nothing(leak, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bicameral.training.train.learn", stop)
    with pytest.raises(KeyboardInterrupt):
        train(leak, "gru", folder=tmp_path / "run", budget="1steps", override_audit=True, progress=False)
    assert list(tmp_path.iterdir()) == []
