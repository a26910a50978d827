"""A whole study through the command line: cost, comparison, report, verification, going on."""

import json

import numpy as np
import pytest

QUICK = ["--models", "linear,gru", "--budget", "30steps", "--replicates", "2"]
NO_PROBES = ["probe_seconds=0", "settings=1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eighty short series of two levels."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([0, 1], 40))
    X = rng.normal(y[:, None, None], 0.3, (80, 6, 1)).astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "levels.npz"
    np.savez(path, X=X, y=y)
    return path


@pytest.fixture(scope="module")
def study(data, tmp_path_factory):
    """The folder of a finished study, made as a user would."""
    from typer.testing import CliRunner

    from bicameral.cli.app import app

    runs = tmp_path_factory.mktemp("runs")
    arguments = ["compare", str(data), *QUICK, "--runs", str(runs), "--name", "levels", "--json", *NO_PROBES]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {row["name"] for row in found["leaderboard"]} == {"linear", "gru"}
    return runs / "levels"


def test_the_study_has_its_files(study):
    names = {path.name for path in study.iterdir()}
    assert names >= {"plan.json", "ledger.jsonl", "results.json", "report.html", "best"}


def test_report_is_written_again(bicameral, study):
    before = (study / "report.html").read_text()
    (study / "report.html").unlink()
    result = bicameral("report", study)
    assert result.exit_code == 0
    assert (study / "report.html").read_text() == before
    assert f"next     bicameral predict {study / 'best'}" in result.stdout


def test_verify_agrees(bicameral, study):
    result = bicameral("verify", study, "--json")
    assert result.exit_code == 0
    assert all(check["ok"] for check in json.loads(result.stdout))


def test_verify_notices_a_changed_number(bicameral, study):
    path = study / "results.json"
    honest = path.read_text()
    results = json.loads(honest)
    results["leaderboard"][0]["mean"] += 0.01
    path.write_text(json.dumps(results))
    try:
        result = bicameral("verify", study)
    finally:
        path.write_text(honest)
    assert result.exit_code == 1
    assert "WRONG" in result.stdout


def test_resuming_a_finished_study_changes_nothing(bicameral, study):
    before = json.loads((study / "results.json").read_text())
    after = json.loads(bicameral("resume", study, "--json").stdout)
    assert after["leaderboard"] == before["leaderboard"]


def test_dry_run_leaves_no_trace(bicameral, data, tmp_path):
    result = bicameral("compare", data, *QUICK, "--runs", tmp_path / "runs", "--dry-run", *NO_PROBES)
    assert result.exit_code == 0
    assert "linear (baseline), gru (candidate)" in result.stdout
    assert not (tmp_path / "runs").exists()


def test_a_study_file_asks_the_same_question(bicameral, data, tmp_path):
    """What is typed goes before what stands in the file."""
    keys = f"source: {data}\nmodels: [linear, gru]\nreplicates: 2\nbudget: 30steps\n"
    (tmp_path / "study.yaml").write_text(keys)
    arguments = ["compare", tmp_path / "study.yaml", "--replicates", "3", "--dry-run", "--json"]
    plan = json.loads(bicameral(*arguments).stdout)["plan"]
    assert (plan["models"], plan["replicates"], plan["trial_steps"]) == (["linear", "gru"], 3, 30)


def test_a_misspelt_key_gets_the_nearest_name(bicameral, data, tmp_path):
    (tmp_path / "study.yaml").write_text(f"source: {data}\nreplicats: 2\n")
    result = bicameral("compare", tmp_path / "study.yaml")
    assert result.exit_code == 2
    assert "did you mean 'replicates'?" in result.stderr


def test_ctrl_c_names_the_study_to_resume(bicameral, data, tmp_path, monkeypatch):
    def stopped(source, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("bicameral.studies.compare.compare", stopped)
    result = bicameral("compare", data, "--runs", tmp_path)
    assert result.exit_code == 130
    assert f"bicameral resume {tmp_path / '0001'}" in result.stderr
