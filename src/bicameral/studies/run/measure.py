"""Latency, memory and size of saved artifacts, measured in a process of their own."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from inspect import isfunction
from pathlib import Path
from typing import Any

import numpy as np

from bicameral.errors import StudyError

CALLS, WARM_UP, SECONDS = 200, 10, 0.5
PARTING = "fork" if hasattr(os, "fork") else "spawn"


def measure(folders: Sequence[Path], threads: int = 1) -> dict[str, dict[str, Any]]:
    """Measure each artifact on one prepared example: latency, peak memory, disk; by folder name."""
    command = [sys.executable, "-m", "bicameral.studies.run.measure", str(threads), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StudyError(f"measuring the artifacts failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def latency(call: Any) -> dict[str, Any]:
    """Milliseconds of a call at batch 1, after warm-up: median and 95th percentile."""
    for _ in range(WARM_UP):
        call()
    times, started = [], time.perf_counter()
    while len(times) < CALLS and time.perf_counter() - started < SECONDS:
        before = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - before))
    p50, p95 = np.percentile(times, [50, 95])
    return {"p50": float(p50), "p95": float(p95), "tag": "measured"}


def _measure_one(folder: Path) -> dict[str, Any]:
    import torch

    from bicameral.artifact import Artifact
    from bicameral.kernels.gated import Packed

    _warm_up()
    before = _reset_peak()
    network = Artifact.from_pretrained(folder).network
    shape, text = network.layout.shape, network.layout.kind == "text"
    x = torch.ones(1, *shape, dtype=torch.int64 if text else torch.float32)
    energy = _microjoules()
    with torch.inference_mode(), Packed(network):
        started = time.perf_counter()
        spent = latency(lambda: network(x))
        calls = max(1.0, 1e3 * (time.perf_counter() - started) / spent["p50"])
    return {
        "latency_ms": spent,
        "peak_ram_mb": _peak_since(before),
        "disk_mb": {"value": sum(f.stat().st_size for f in folder.iterdir()) / 1e6, "tag": "measured"},
        "energy_mj": _energy(energy, calls),
        "kernel_path": kernel_path(network),
    }


def kernel_path(network: Any) -> str:
    """Which kernels of ours the layers of a network were written on, and who carries its convolutions."""
    from bicameral.kernels import native

    kinds = {type(layer) for layer in network.modules()}
    ours = sorted({kernel for kind in kinds for kernel in _kernels(kind)})
    found = [f"{', '.join(ours)} ({native.path()})"] if ours else []
    if {kind.__name__ for kind in kinds} & {"Conv1d", "Conv2d", "Conv3d"}:
        found.append("convolutions (oneDNN)")
    return ", ".join(found) or "matrix products (ATen)"


def _kernels(kind: type) -> set[str]:
    """Packages of `bicameral.kernels` that the modules name in which a layer and its bases stand."""
    homes = [base.__module__ for base in kind.__mro__ if base.__module__.startswith("bicameral.")]
    known = [thing for home in homes for thing in vars(sys.modules[home]).values() if isfunction(thing)]
    places = [function.__module__.split(".") for function in known]
    return {place[2] for place in places if place[:2] == ["bicameral", "kernels"]}


def _reset_peak() -> float:
    """Forget the process's peak memory where Linux lets us; return the memory in use, in MB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return float("nan")


def _peak_since(before: float) -> dict[str, Any]:
    if np.isnan(before):
        return {"value": None, "tag": "not measured"}
    return {"value": max(0.0, _status("VmHWM") - before), "tag": "measured"}


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def _microjoules() -> int | None:
    """The processor's energy counter (RAPL), where the machine shows it."""
    try:
        return int(Path("/sys/class/powercap/intel-rapl:0/energy_uj").read_text())
    except OSError:
        return None


def _energy(before: int | None, calls: float) -> dict[str, Any]:
    after = _microjoules()
    if before is None or after is None or after < before:
        return {"value": None, "tag": "not measured"}
    return {"value": (after - before) / 1e3 / calls, "tag": "measured"}


def _warm_up() -> None:
    """Make the libraries reserve what they keep for good, so that no model is charged for it."""
    import torch
    from torch.nn import functional

    from bicameral.nn.gated import LSTM

    with torch.inference_mode():
        functional.conv2d(torch.ones(1, 4, 8, 8), torch.ones(4, 4, 3, 3)).softmax(1)
        functional.conv1d(torch.ones(1, 4, 8), torch.ones(4, 4, 3)).flatten(1).matmul(torch.ones(24, 8))
        LSTM(8, 8)(torch.ones(1, 4, 8))


def _main(arguments: Sequence[str]) -> None:
    """Measure each artifact in a process of its own: what one reserves, the next would use for nothing."""
    import torch

    from bicameral import artifact  # noqa: F401  imported once, before the processes part

    torch.set_num_threads(int(arguments[0]))
    folders = [Path(folder) for folder in arguments[1:]]
    with multiprocessing.get_context(PARTING).Pool(1, maxtasksperchild=1) as pool:
        found = dict(
            zip([folder.name for folder in folders], pool.map(_measure_one, folders, 1), strict=True)
        )
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", sys.argv[1])
    _main(sys.argv[1:])
