"""Costs of an artifact: latency of single calls, memory, disk and the kernels that carry it."""

import time

import numpy as np
import pytest
from torch import nn

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.errors import StudyError
from bicameral.kernels import native
from bicameral.nn import gated
from bicameral.nn.rg_lru import RGLRU
from bicameral.problems.problem import Problem
from bicameral.studies.run.measure import WARM_UP, kernel_path, latency, measure
from bicameral.studies.run.trial import Trial, build


def test_latency_tells_the_median_and_the_slow_calls_apart():
    calls = []

    def job():
        calls.append(None)
        time.sleep(0.02 if len(calls) % 10 == 0 else 0.001)

    found = latency(job)
    assert 1 <= found["p50"] < 10 < 20 <= found["p95"]
    assert found["tag"] == "measured"


def test_warm_up_is_not_counted():
    calls = []

    def job():
        calls.append(None)
        time.sleep(0.05 if len(calls) <= WARM_UP else 0)

    assert latency(job)["p95"] < 25


@pytest.mark.parametrize(
    ("network", "path"),
    [
        (nn.Sequential(nn.Linear(2, 2)), "matrix products (ATen)"),
        (gated.GRU(2, 2), f"gated ({native.path()})"),
        (nn.ModuleList([nn.Conv1d(1, 1, 1)]), "convolutions (oneDNN)"),
        (
            nn.ModuleList([nn.Conv2d(1, 1, 1), gated.LSTM(2, 2), RGLRU(2, num_blocks=1)]),
            f"gated, rg_lru ({native.path()}), convolutions (oneDNN)",
        ),
    ],
)
def test_the_kernels_that_carry_a_network_are_named(network, path):
    assert kernel_path(network) == path


def test_saved_artifacts_are_measured_in_a_process_of_their_own(tmp_path):
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(9, 2)).astype(np.float32) for _ in range(60)]
    dataset = Dataset(kind="series", items=series, targets=np.arange(60) % 2, classes=("a", "b"), name="made")
    draw = Problem(dataset).draw(0)
    for name in ("gru", "linear"):
        network = build(draw, Trial(stage="final", model=name, size=""))
        Artifact(network.eval(), draw.preprocessing, draw.task).save_pretrained(tmp_path / name)
    found = measure([tmp_path / "gru", tmp_path / "linear"])
    assert set(found) == {"gru", "linear"}
    for name, costs in found.items():
        on_disk = sum(file.stat().st_size for file in (tmp_path / name).iterdir()) / 1e6
        assert costs["disk_mb"] == {"value": pytest.approx(on_disk), "tag": "measured"}
        assert 0 < costs["latency_ms"]["p50"] <= costs["latency_ms"]["p95"]
        memory, energy = costs["peak_ram_mb"], costs["energy_mj"]
        assert memory["value"] >= 0 if memory["tag"] == "measured" else memory["value"] is None
        assert energy["value"] >= 0 if energy["tag"] == "measured" else energy["value"] is None
    again = measure([tmp_path / "linear", tmp_path / "gru"])  # whoever came first paid 85 MB for all
    for name, costs in found.items():
        memory, other = (found["peak_ram_mb"]["value"] for found in (costs, again[name]))
        assert memory is other is None or memory == pytest.approx(other, rel=0.5, abs=4)
    assert "gated" in found["gru"]["kernel_path"]
    assert "gated" not in found["linear"]["kernel_path"]


def test_what_cannot_be_measured_says_why(tmp_path):
    with pytest.raises(StudyError, match=r"measuring the artifacts failed: .*nothing-here"):
        measure([tmp_path / "nothing-here"])
