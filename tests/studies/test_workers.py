"""Workers give the records of one process; one that dies costs a trial a second attempt, then a failure."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bicameral import registry
from bicameral.data.read import read
from bicameral.errors import ConfigError, StudyError
from bicameral.models.mlp import MLP, MLPConfig
from bicameral.problems.problem import Problem
from bicameral.studies.compare import compare
from bicameral.studies.run import cores, workers
from bicameral.studies.run.engines import Local, engine
from bicameral.studies.run.trial import Place, Trial
from bicameral.studies.run.workers import Workers

QUESTION = {"budget": "4steps", "models": ["gru", "mlp", "majority"], "replicates": 2, "settings": 2}
TRIAL = Trial(stage="tune", model="majority", size="default")
HERE = os.getpid()
FALL = Path("unset")  # set by a test; a file that says how often a worker has fallen


class Falling(MLP):
    """Takes its process along, at first or always."""

    def __init__(self, shape, config):
        super().__init__(shape, config)
        times = int(FALL.read_text())
        if os.getpid() != HERE and times:
            FALL.write_text(str(times - 1))
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def falling(monkeypatch, tmp_path):
    """A model whose process is killed so many times."""
    known = {"config": MLPConfig, "family": "control", "reads": "sequence", "gives": "vector"}
    known["sizes"] = registry.entry("mlp").sizes
    monkeypatch.setattr(registry.models, "things", dict(registry.models.things))
    registry.model("falling", paper="https://doi.org/10.1109/5.726791", **known)(Falling)

    def times(count: int) -> Trial:
        global FALL
        FALL = tmp_path / "times"
        FALL.write_text(str(count))
        return Trial(stage="tune", model="falling", size=next(iter(registry.entry("mlp").sizes)), steps=2)

    return times


def made():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 90)
    return rng.normal(size=(90, 6, 3)).astype(np.float32) + y[:, None, None], y


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(read(made()))


@pytest.fixture
def pool():
    two = Workers(2)
    yield two
    two.close()


def alone(trial: Trial):
    yield trial


def nowhere(trial: Trial) -> Place:
    return Place()


def timeless(value):
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k != "seal" and "seconds" not in k}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def test_two_workers_give_the_records_of_one_process(tmp_path):
    question = {**QUESTION, "probe_seconds": 0, "folder": tmp_path}
    one, two = (compare(made(), name=str(jobs), jobs=jobs, **question) for jobs in (1, 2))
    assert one.plan == two.plan
    by_key = [{line["key"]: timeless(line) for line in study.ledger.all("trial")} for study in (one, two)]
    assert by_key[0] == by_key[1]
    assert {path.name for path in (one.folder / "outcomes").iterdir()} == {
        path.name for path in (two.folder / "outcomes").iterdir()
    }


def test_a_worker_that_dies_once_is_replaced_and_the_trial_runs_again(problem, pool, falling):
    (record,) = pool.run(problem, [alone(falling(1))], nowhere)
    assert record["status"] == "ok"


def test_a_trial_that_kills_its_worker_twice_has_failed_and_the_others_go_on(problem, pool, falling):
    chains = [alone(falling(9)), *(alone(TRIAL) for _ in range(3))]
    records = list(pool.run(problem, chains, nowhere))
    assert sorted(record["status"] for record in records) == ["failed", "ok", "ok", "ok"]
    lost = next(record for record in records if record["status"] == "failed")
    assert "killed, as the system does when memory runs out" in lost["reason"]
    assert (lost["key"], lost["score"]) == ("tune/falling/0/0/0", None)


def test_ctrl_c_leaves_no_worker_behind(problem, pool):
    long = Trial(stage="tune", model="mlp", size=next(iter(registry.entry("mlp").sizes)), steps=10**6)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        list(pool.run(problem, [alone(long), alone(long)], nowhere))
    assert pool._workers == []


def test_a_full_disk_is_no_failure_of_the_model(problem, pool, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="could not write"):
        list(pool.run(problem, [alone(TRIAL)], lambda _: Place(outcomes=tmp_path / "file" / "one.npz")))


@pytest.mark.skipif(not workers.FORKS, reason="looks for processes in /proc")
def test_workers_end_with_a_killed_parent(tmp_path):
    report, told = os.pipe()
    child = os.fork()
    if not child:
        pool = Workers(1)
        pool._open(Problem(read(made())))
        os.write(told, f"{pool._workers[0].process.pid}\n".encode())
        time.sleep(60)
    worker = int(os.read(report, 100))
    time.sleep(0.2)  # until it has asked to end with its parent
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    pytest.fail(f"worker {worker} outlived its parent")


@pytest.mark.parametrize("jobs", [0, -1, True])
def test_a_wrong_number_of_jobs_is_refused(jobs):
    with pytest.raises(ConfigError, match=r"jobs is .* expected a number of processes"):
        engine("local", jobs=jobs)


def test_one_job_stays_in_this_process():
    assert isinstance(engine("local", jobs=1), Local)
    assert engine("local", jobs=3).jobs == 3
    assert engine("local", device="cuda").jobs == 1


@pytest.mark.parametrize(
    ("files", "allowed"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
    ],
)
def test_cores_are_those_that_the_container_grants(monkeypatch, tmp_path, files, allowed):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cores, "CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cores.cores() == allowed
    monkeypatch.setattr(cores, "_memory", lambda: 3 * cores.MEMORY)
    assert cores.default_jobs() == min(allowed, 3)
    assert cores.default_jobs(threads=2) == max(1, min(allowed // 2, 3))
