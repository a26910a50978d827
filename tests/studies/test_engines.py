"""Many machines give the ledger of one."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.errors import ConfigError, MissingExtraError, StudyError
from bicameral.problems.problem import Problem
from bicameral.studies.compare import compare
from bicameral.studies.run.chain import Chain
from bicameral.studies.run.engines import engine
from bicameral.studies.run.trial import Place, Trial
from bicameral.studies.verify import verify

QUESTION = {"budget": "8steps", "models": ["gru", "mlp", "majority"], "replicates": 2, "settings": 2}
TRIAL = Trial(stage="tune", model="majority", size="default")


def alone(trial: Trial) -> Chain:
    yield trial


class Fatal:
    """Data that kill the process which reads them."""

    items = ()

    def __reduce__(self):
        return os._exit, (1,)


class Unreadable(Fatal):
    """Data that a machine of another version cannot read."""

    def __reduce__(self):
        return getattr, (os, "no_such_name")


def made() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    return rng.normal(size=(120, 6, 3)).astype(np.float32) + y[:, None, None], y


def by_key(study) -> dict[str, dict]:
    """The trials of a study without their times."""
    return {line["key"]: timeless(line) for line in study.ledger.all("trial")}


def timeless(value):
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k != "seal" and "seconds" not in k}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def test_an_unknown_engine_is_named():
    with pytest.raises(ConfigError, match="did you mean 'ray'"):
        engine("rai")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"bicameral\[cluster\]"):
        engine("ray")


@pytest.fixture(scope="module")
def two_machines():
    """Two Ray nodes on this machine, each a process tree of its own."""
    pytest.importorskip("ray", reason="needs ray: pip install 'bicameral[cluster]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "include_dashboard": False})
    cluster.add_node(num_cpus=4)
    ray.init(address=cluster.address, log_to_driver=False)
    yield engine("ray")
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_two_machines_give_the_ledger_of_one(two_machines, tmp_path):
    question = {**QUESTION, "probe_seconds": 0, "folder": tmp_path}
    here = compare(made(), name="here", **question)
    there = compare(made(), name="there", on="ray", **question)
    assert sum(node["Alive"] for node in two_machines.ray.nodes()) == 2
    assert there.plan == here.plan
    assert by_key(there) == by_key(here)
    assert there.results["verdict"]["best"] == here.results["verdict"]["best"]
    assert {path.name for path in (there.folder / "artifacts").iterdir()} == {
        path.name for path in (here.folder / "artifacts").iterdir()
    }
    assert [check.name for check in verify(there.folder) if not check.ok] == []


@pytest.mark.slow
def test_a_lost_process_is_a_failed_trial(two_machines, tmp_path):
    problem = Problem(read(made()))
    problem.raw = Fatal()
    (record,) = two_machines.run(problem, [alone(TRIAL)], lambda trial: Place(tmp_path))
    assert (record["status"], record["score"], record["key"]) == ("failed", None, TRIAL.key)
    assert "Crashed" in record["reason"]


@pytest.mark.slow
def test_a_machine_that_cannot_run_trials_ends_the_study(two_machines, tmp_path):
    problem = Problem(read(made()))
    problem.raw = Unreadable()
    with pytest.raises(StudyError, match="same versions of bicameral"):
        list(two_machines.run(problem, [alone(TRIAL)], lambda trial: Place(tmp_path)))


@pytest.mark.slow
def test_a_crash_of_the_trial_is_booked(two_machines, tmp_path):
    problem = Problem(read(made()))
    wrong = replace(TRIAL, overrides={"width": 0})
    (record,) = two_machines.run(problem, [alone(wrong)], lambda trial: Place(tmp_path))
    assert record["status"] == "failed"
    assert "width" in record["reason"]
