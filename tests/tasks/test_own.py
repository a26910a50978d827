"""One's own network: trained, saved, read again by another process, compared; and what it lacks is said."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import bicameral
from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.errors import ConfigError
from bicameral.studies.record.folder import read_plan
from bicameral.training.train import train

MINE = Path(__file__).with_name("my_networks.py")


@pytest.fixture(autouse=True)
def _forget():
    known = set(registry.models.things)
    yield
    for name in set(registry.models.things) - known:
        if registry.models.things[name].source:
            del registry.models.things[name]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.array(["a", "b", "c"] * 40)
    x = rng.normal(size=(120, 6, 2)).astype(np.float32) + np.unique(y, return_inverse=True)[1][:, None, None]
    return x, y


def trained(data, model, folder, **options):
    return train(data, model, folder=folder, budget="30steps", progress=False, **options)


@pytest.mark.parametrize("name", ["MyNet", "flat", "Lines"])
def test_a_network_of_a_file_is_trained_and_saved(data, tmp_path, name):
    artifact = trained(data, f"{MINE}:{name}", tmp_path / "a", recipe={"learning_rate": 3e-2})
    assert artifact.card["test accuracy"] > 0.6
    again = Artifact.from_pretrained(tmp_path / "a")
    assert again.predict(bicameral.read(data)) == artifact.predict(bicameral.read(data))


def test_another_process_reads_it(data, tmp_path):
    trained(data, f"{MINE}:MyNet", tmp_path / "a")
    place = str(tmp_path / "a")
    script = f"from bicameral import Artifact; print(Artifact.from_pretrained({place!r}).network.entry.name)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "MyNet"


def test_numbers_and_forecasts_are_answered_too(data, tmp_path):
    artifact = trained((data[0], data[0][:, 0]), f"{MINE}:MyNet", tmp_path / "a")
    assert artifact.task.output_shape == (2,)
    series = np.sin(np.arange(200) / 3)[:, None].astype(np.float32)
    artifact = trained(series, f"{MINE}:MyNet", tmp_path / "b", data_options={"horizon": 3, "lookback": 8})
    assert np.shape(artifact.outputs(artifact.task.to_answer(bicameral.read(series)))) == (1, 3, 1)


def test_source_that_has_changed_is_refused(data, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(MINE.read_text())
    trained(data, f"{mine}:MyNet", tmp_path / "a")
    mine.write_text(MINE.read_text() + "\n")
    with pytest.raises(ConfigError, match=r"mine.py:MyNet has changed since MyNet was trained"):
        Artifact.from_pretrained(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Missing", r"my_networks.py has no class or function 'Missing'"),
        (
            "no_arguments",
            r"no_arguments\(\(6, 2\), 3\) fails: TypeError.*called as no_arguments\(shape, num_",
        ),
        ("wrong_shape", r"wrong_shape gives \(3, 10\); expected \(3, 3\): \(examples, num_outputs\)"),
        ("other_view", r"other_view cannot read a batch \(3, 6, 2\), a sequence: .*say `reads = ...`"),
        ("nothing_to_train", "nothing_to_train has no parameters to be trained"),
        ("no_module", "no_module makes function; expected a torch.nn.Module"),
        ("Mixes", r"Mixes answers an example differently beside others"),
        ("NoGradient", r"NoGradient gives no gradient; leave out no_grad"),
        ("Infinite", r"Infinite answers -?inf before it is trained"),
    ],
)
def test_what_a_network_lacks_is_said_before_training(data, tmp_path, name, message):
    with pytest.raises(ConfigError, match=message):
        trained(data, f"{MINE}:{name}", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_what_cannot_be_imported_again_is_refused(data, tmp_path):
    with pytest.raises(ConfigError, match="cannot be imported by another process; give a class"):
        trained(data, lambda shape, num_outputs: nn.Linear(2, 2), tmp_path / "a")
    with pytest.raises(ConfigError, match=r"nowhere.py cannot be imported: FileNotFoundError"):
        trained(data, f"{tmp_path}/nowhere.py:MyNet", tmp_path / "a")
    mine = tmp_path / "mine.py"
    mine.write_text("class gru: ...")
    with pytest.raises(ConfigError, match="gru is the name of a model that is there already"):
        trained(data, f"{mine}:gru", tmp_path / "a")


def test_it_is_compared_like_any_other(data, tmp_path):
    study = bicameral.compare(
        data,
        models=["majority", f"{MINE}:MyNet"],
        budget="12steps",
        replicates=2,
        settings=2,
        probe_seconds=0,
        folder=tmp_path,
        name="mine",
    )
    plan = read_plan(tmp_path / "mine")
    assert plan.models == ("majority", "MyNet")
    assert plan.own["MyNet"]["source"] == f"{MINE}:MyNet"
    results = json.loads((tmp_path / "mine" / "results.json").read_text())
    assert {row["name"] for row in results["leaderboard"]} == {"majority", "MyNet"}
    assert study is not None
