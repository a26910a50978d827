"""Studies and artifacts that were damaged, and full disks: one line, nothing half written."""

import json
import resource
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

import bicameral as package
from bicameral.errors import ArtifactError, BicameralError, StudyError
from bicameral.studies.judge.summary import leading
from bicameral.studies.record.folder import open_folder, read_plan
from bicameral.studies.record.ledger import Ledger


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A study of a second, to be damaged in copies."""
    folder = tmp_path_factory.mktemp("studies")
    data = folder / "data.npz"
    np.savez(data, X=np.random.default_rng(0).normal(size=(40, 4, 1)), y=np.arange(40) % 2)
    asked = {"models": ["majority", "gru"], "budget": "2steps", "replicates": 2, "settings": 1}
    return package.compare(
        data, **asked, probe_seconds=0, folder=folder, name="s", recipe={"compile": False}
    ).folder


@pytest.fixture
def study(finished, tmp_path) -> Path:
    """A copy of the finished study."""
    return Path(shutil.copytree(finished, tmp_path / "study"))


def edit(path: Path, **changes) -> None:
    found = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not ...}))


PLANS = {
    "no JSON": lambda path: path.write_text("{"),
    "a list": lambda path: path.write_text("[]"),
    "bytes": lambda path: path.write_bytes(b"\xff\xfe\xfd"),
    "unknown key": lambda path: edit(path, modelz=1),
    "no source": lambda path: edit(path, source=...),
    "no replicate": lambda path: edit(path, replicates=0),
}
LEDGERS = {
    "no JSON": b"{\n",
    "a list": b"[1]\n",
    "no seal": b'{"a": 1}\n',
    "bytes": b"\xff\xfe\n",
    "empty": b"",
}
RESULTS = {"no JSON": "{", "a list": "[]", "empty": "{}", "half": '{"question": {}, "verdict": {}}'}


@pytest.mark.parametrize("verb", ["verify", "resume"])
@pytest.mark.parametrize("damage", PLANS.values(), ids=PLANS)
def test_a_damaged_plan(refused, study, damage, verb):
    damage(study / "plan.json")
    refused(verb, study, "--json")


@pytest.mark.parametrize("damage", LEDGERS.values(), ids=LEDGERS)
def test_a_damaged_ledger(refused, study, damage):
    (study / "ledger.jsonl").write_bytes(damage)
    assert "ledger" in refused("verify", study)


@pytest.mark.parametrize("verb", ["verify", "report"])
@pytest.mark.parametrize("damage", RESULTS.values(), ids=RESULTS)
def test_damaged_results(refused, study, damage, verb):
    (study / "results.json").write_text(damage)
    assert "damaged or of another version" in refused(verb, study)


def test_a_damaged_best_fails_the_verification(bicameral, study):
    (study / "best" / "model.safetensors").write_bytes(b"x" * 99)
    result = bicameral("verify", study)
    assert result.exit_code == 1
    assert "WRONG" in result.stdout


def test_a_folder_with_another_question_is_named(study):
    changed = {**read_plan(study).to_dict(), "seed": 7}
    (study / "plan.json").write_text(json.dumps(changed))
    with pytest.raises(StudyError, match=r"another question .different: seed"):
        open_folder(study, type(read_plan(study))(**{**vars(read_plan(study)), "seed": 8}))


def test_a_study_whose_candidates_all_failed_says_why(study):
    ledger = Ledger(study / "ledger.jsonl")
    for line in ledger.lines:
        if line["kind"] == "trial" and line["model"] == "gru":
            line |= {"status": "failed", "score": None, "reason": "MemoryError: too large"}
    with pytest.raises(StudyError, match="gru failed with MemoryError: too large"):
        leading(read_plan(study), ledger)


ARTIFACTS = {
    "no config": lambda folder: (folder / "config.json").unlink(),
    "config of bytes": lambda folder: (folder / "config.json").write_bytes(b"\xff\xff"),
    "config of a list": lambda folder: (folder / "config.json").write_text("[]"),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "weights cut": lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 20),
    "foreign weights": lambda folder: edit(folder / "config.json", overrides={"width": 3}),
    "unknown model": lambda folder: edit(folder / "config.json", model="nope"),
    "unknown task": lambda folder: edit(folder / "config.json", task={"name": "nope"}),
    "no preprocessing": lambda folder: edit(folder / "config.json", preprocessing=None),
}


@pytest.mark.parametrize("damage", ARTIFACTS.values(), ids=ARTIFACTS)
def test_a_damaged_artifact(refused, study, damage):
    damage(study / "best")
    refused("predict", study / "best", study.parent / "nowhere")


def test_an_artifact_with_a_metric_that_is_no_number_can_be_saved(study, tmp_path):
    artifact = package.Artifact.from_pretrained(study / "best")
    artifact.card["test auroc"] = float("nan")
    saved = artifact.save_pretrained(tmp_path / "saved")
    assert package.Artifact.from_pretrained(saved).card["test auroc"] is None


@pytest.fixture
def full_disk():
    """No file may grow beyond 300 bytes while the test runs."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_no_study_behind(study, series, full_disk, tmp_path):
    full_disk()
    with pytest.raises(OSError, match="too large"):
        package.compare(series, models=["majority", "gru"], budget="2steps", folder=tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())


def test_a_full_disk_leaves_no_checkpoint_folder_behind(series, full_disk, tmp_path):
    full_disk()
    with pytest.raises((BicameralError, OSError)):
        package.train(series, "gru", folder=tmp_path / "runs" / "a", budget="2steps", progress=False)
    assert not list((tmp_path / "runs").iterdir())


def test_a_full_disk_keeps_the_old_artifact(study, full_disk):
    artifact = package.Artifact.from_pretrained(study / "best")
    full_disk()
    with pytest.raises(ArtifactError, match="nothing was changed"):
        artifact.save_pretrained(study / "best")
    assert package.Artifact.from_pretrained(study / "best").card == artifact.card


def test_a_failed_audit_leaves_no_study_behind(refused, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(40, 4, 1)), np.arange(40) // 20
    np.savez(tmp_path / "a.npz", X=X, y=y, split=["train"] * 20 + ["test"] * 20)
    assert "audit failed" in refused(
        "compare", tmp_path / "a.npz", "--models", "majority,gru", "--runs", tmp_path / "runs"
    )
    assert not list((tmp_path / "runs").iterdir())


def test_a_file_where_a_folder_belongs(refused, data, tmp_path):
    (tmp_path / "runs").write_text("")
    assert "runs" in refused("compare", data, "--models", "majority,gru", "--runs", tmp_path / "runs")
