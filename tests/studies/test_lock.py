"""Two processes never write into one study; a killed one leaves no lock behind."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from bicameral.errors import StudyError
from bicameral.studies import compare as comparison
from bicameral.studies.record.folder import opened
from bicameral.studies.record.lock import LOCK, locked

HOLD = """
import sys
from pathlib import Path
from bicameral.studies.record.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the folder until it is told to end."""
    command = [sys.executable, "-c", HOLD, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_in_use_is_refused_by_name(holder, tmp_path):
    with pytest.raises(StudyError, match=f"in use by process {holder.pid} on "), locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_lets_go(holder, tmp_path, number):
    holder.send_signal(number)
    holder.wait(20)
    assert str(holder.pid) in (tmp_path / LOCK).read_text()  # stale, and of no weight
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
    assert (tmp_path / LOCK).read_text() == ""


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        1 / 0  # noqa: B018
    with locked(tmp_path):
        pass


def test_a_file_system_without_locks_goes_without(tmp_path, monkeypatch):
    def unable(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unable)
    with locked(tmp_path), locked(tmp_path):
        pass


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study that was begun and has run nothing yet."""
    monkeypatch.setattr(comparison, "run", lambda study: study)
    X, y = np.random.default_rng(0).normal(size=(60, 6, 2)).astype(np.float32), np.arange(60) % 2
    np.savez(tmp_path / "data.npz", X=X, y=y)
    return comparison.compare(
        str(tmp_path / "data.npz"), folder=tmp_path, name="asked", models=["majority", "gru"]
    )


def test_neither_resuming_nor_comparing_goes_into_a_study_in_use(study):
    before = (study.folder / "ledger.jsonl").read_bytes()
    with locked(study.folder):
        with pytest.raises(StudyError, match="in use by process"):
            comparison.resume(study.folder)
        with pytest.raises(StudyError, match="in use by process"), opened(study.folder, study.plan):
            pass
    assert (study.folder / "ledger.jsonl").read_bytes() == before
    assert comparison.resume(study.folder).plan == study.plan
