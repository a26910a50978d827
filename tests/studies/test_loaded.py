"""A finished study in the hand."""

import importlib.util

import pytest
from studies.example_results import example_results

import bicameral
from bicameral.disk import write_json
from bicameral.errors import StudyError
from bicameral.studies import loaded


@pytest.fixture
def folder(tmp_path):
    write_json(tmp_path / "results.json", example_results())
    return tmp_path


def test_a_study_is_loaded_with_its_verdict_and_leaderboard(folder, monkeypatch):
    study = bicameral.load_study(folder)
    assert study.verdict.startswith("choose conv_gru: ")
    monkeypatch.setattr(loaded, "find_spec", lambda name: None)
    rows = study.leaderboard()
    assert [row["model"] for row in rows] == [row["name"] for row in study.results["leaderboard"]]
    assert rows[0]["low"] < rows[0]["accuracy"] < rows[0]["high"]
    assert "<table>" in study._repr_html_()
    assert "conv_gru" in repr(study)


def test_errors_are_positive_and_their_intervals_the_right_way_round(folder, monkeypatch):
    study = bicameral.load_study(folder)
    question = {**study.results["question"], "metric": "mse", "higher_is_better": False}
    row = {**study.results["leaderboard"][0], "mean": -0.4, "low": -0.5, "high": -0.3}
    monkeypatch.setattr(loaded, "find_spec", lambda name: None)
    [found] = loaded.LoadedStudy(folder, {"question": question, "leaderboard": [row]}).leaderboard()
    assert (found["low"], found["mse"], found["high"]) == (0.3, 0.4, 0.5)


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_with_pandas_the_leaderboard_is_a_frame(folder):
    assert bicameral.load_study(folder).leaderboard().index[0] == "conv_gru"


def test_an_unfinished_study_says_so(tmp_path):
    with pytest.raises(StudyError, match="not finished"):
        bicameral.load_study(tmp_path)
