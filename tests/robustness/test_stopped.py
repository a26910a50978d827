"""Ctrl-C in every verb: exit code 130 and one line, never a traceback."""

import pytest

READING = {
    "check": [],
    "probe": [],
    "recommend": [],
    "compare": ["--runs", "runs"],
    "train": ["--runs", "runs"],
}


def stop(*_arguments, **_options):
    raise KeyboardInterrupt


def stopped(result) -> str:
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (130, "", 1), result.exception
    assert result.stderr.startswith("stopped")
    return result.stderr


@pytest.mark.parametrize("verb", READING)
def test_while_data_are_read(bicameral, data, monkeypatch, tmp_path, verb):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bicameral.data.read.files.Blob.read", stop)
    stopped(bicameral(verb, data, *READING[verb]))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", ["eval", "predict"])
def test_while_an_artifact_is_read(bicameral, data, monkeypatch, verb):
    monkeypatch.setattr("bicameral.artifact.Artifact.from_pretrained", stop)
    stopped(bicameral(verb, "nowhere", data))


@pytest.mark.parametrize("verb", ["report", "resume", "verify"])
def test_while_a_study_is_read(bicameral, monkeypatch, tmp_path, verb):
    monkeypatch.setattr("bicameral.studies.record.folder._read", stop)
    stopped(bicameral(verb, tmp_path))


@pytest.mark.parametrize(("verb", "at"), [("models", "registry.entries"), ("doctor", "cli.doctor.examine")])
def test_while_the_installation_is_looked_at(bicameral, monkeypatch, verb, at):
    monkeypatch.setattr(f"bicameral.{at}", stop)
    stopped(bicameral(verb))
