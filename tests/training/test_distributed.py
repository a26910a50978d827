"""Two processes make the run of one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bicameral.training.distributed import Ranks

RANK = Path(__file__).with_name("one_rank.py")


class TwoRanks(Ranks):
    """Two ranks in one process: what each would send is written down before."""

    def _gather(self, *numbers):
        return [[3.0, 7.0], [float(numbers[0]), float(numbers[1])]]


def test_shares_count_by_their_rows():
    second = TwoRanks(rank=1, world=2)
    assert second.factor(2.0, 8) == pytest.approx(2 * 2 / 5)


def test_a_repeated_row_counts_nothing():
    assert TwoRanks(rank=1, world=2).factor(1.0, 7) == 0


def test_alone_everything_is_as_it_is():
    alone = Ranks()
    assert alone.from_first(1.5, True) == [1.5, True]
    assert alone.total(2.5) == 2.5


def launch(folder: Path, world: int, **settings: str) -> list[dict]:
    """Run the script as torchrun would, once for each rank."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world), **settings}
    command = [sys.executable, str(RANK), str(folder)]
    ranks = [
        subprocess.Popen(command, env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(world)
    ]
    assert [rank.wait(timeout=300) for rank in ranks] == [0] * world
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(world)]


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp2"])
@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_two_processes_make_the_run_of_one(tmp_path, parallel, class_weights):
    settings = {"PARALLEL": parallel, "CLASS_WEIGHTS": class_weights}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    (one,) = launch(folders[0], 1, **settings)
    two = launch(folders[1], 2, **settings)
    for rank in two:
        torch.testing.assert_close(
            torch.tensor(rank["weights"]), torch.tensor(one["weights"]), rtol=1e-5, atol=1e-6
        )
        assert rank["losses"] == pytest.approx(one["losses"], rel=1e-5)
    assert two[0] == two[1]
    assert (folders[1] / "run" / "checkpoint.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp2"])
def test_two_processes_go_on_after_a_cut(tmp_path, parallel):
    for name in ("cut", "whole"):
        (tmp_path / name).mkdir()
    whole = launch(tmp_path / "whole", 2, PARALLEL=parallel)
    launch(tmp_path / "cut", 2, PARALLEL=parallel, CUT="1")
    again = launch(tmp_path / "cut", 2, PARALLEL=parallel)
    assert again[0]["resumed"] == 1
    torch.testing.assert_close(torch.tensor(again[0]["weights"]), torch.tensor(whole[0]["weights"]))
    assert again[0]["losses"] == pytest.approx(whole[0]["losses"])
