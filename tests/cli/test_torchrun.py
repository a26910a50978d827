"""The command of one process, started by torchrun, gives the same artifact."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")


def train(folder: Path, *launcher: str, **fields: object) -> dict:
    """Run the command and return what it printed, once."""
    settings = [f"{name}={value}" for name, value in fields.items()]
    verb = ["train", str(folder / "made.npz"), "--model", "gru", "--budget", "30steps", "--json"]
    runs = folder / "-".join(map(str, ("runs", len(launcher), *fields.values())))
    command = [sys.executable, "-m", *launcher, "bicameral", *verb, "--runs", str(runs), *settings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp2"])
def test_two_processes_train_the_network_of_one(tmp_path, parallel):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    np.savez(tmp_path / "made.npz", X=rng.normal(size=(120, 6, 3)) + np.eye(3)[y][:, None], y=y)
    one = train(tmp_path)
    two = train(tmp_path, *TORCHRUN, parallel=parallel)
    weights, same = (load_file(Path(facts["artifact"]) / "model.safetensors") for facts in (two, one))
    torch.testing.assert_close(weights, same, rtol=1e-4, atol=1e-5)  # Adam magnifies the order of a sum
    assert [two[name] for name in ("split", "steps")] == [one[name] for name in ("split", "steps")]
    assert two["test log_loss"] == pytest.approx(one["test log_loss"], rel=1e-4)
    assert list(Path(two["artifact"]).parent.iterdir()) == [Path(two["artifact"])]
