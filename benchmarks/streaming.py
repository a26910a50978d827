"""Microseconds a frame of a stream: beside running the whole past again, and beside a bare cell of PyTorch.

python benchmarks/streaming.py

One thread, processor time, preprocessing and pooling included, the decoding of answers not. The bare loop is
a cell and a linear layer on tensors that are ready. Writes benchmarks/results/streaming.json and .md.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.kernels import native
from bicameral.tasks import Classify
from bicameral.tasks.network import Network

RESULTS = Path(__file__).parent / "results"
MODELS, WIDTHS, STREAMS = ("gru", "lstm", "mingru", "hawk", "tcn"), (32, 64, 128, 256), (1, 64)
CHANNELS, PASTS = 8, (100, 1000)  # of the series; frames that are run again
TURNS, FRAMES = 7, 40  # medians over turns of so many frames
CELLS = {"gru": nn.GRUCell, "lstm": nn.LSTMCell}
Run = Callable[[], Any]


def untrained(model: str, width: int) -> Artifact:
    items = list(np.random.default_rng(0).normal(size=(4, 50, CHANNELS)).astype(np.float32))
    data = Dataset(name="made", kind="series", items=items)
    fitted, task = fit_preprocessing(data, np.arange(4)), Classify(classes=("a", "b"))
    torch.manual_seed(0)
    return Artifact(Network(fitted.layout, task, model, {"width": width}).eval(), fitted, task)


def check(artifact: Artifact) -> None:
    """Refuse to time a stream that does not say what the whole series says."""
    series = np.random.default_rng(1).normal(size=(30, CHANNELS)).astype(np.float32)
    stream = artifact.stream()
    for row in series:
        stream.feed(row)
    whole = artifact.outputs(Dataset(name="made", kind="series", items=[series]))
    if not torch.allclose(stream.answer().outputs, whole, rtol=1e-4, atol=1e-5):
        raise SystemExit(
            f"{artifact.network.entry.name} streamed is not what it is at once: nothing was timed"
        )


def bare(model: str, width: int, num_streams: int) -> Run:
    """A cell and a head, as one would write them by hand."""
    cell, head = CELLS[model](CHANNELS, width), nn.Linear(width, 2)
    x, state = torch.randn(num_streams, CHANNELS), None

    @torch.inference_mode()
    def step() -> None:
        nonlocal state
        state = cell(x, state)
        head(state[0] if isinstance(state, tuple) else state)

    return step


def again(artifact: Artifact, past: int, num_streams: int) -> Run:
    """The whole past once more, prepared already."""
    x = torch.randn(num_streams, past, CHANNELS)
    return torch.inference_mode()(lambda: artifact.network(x))


def seconds(run: Run, times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - started) / times


def measure(model: str, width: int, num_streams: int) -> dict[str, float]:
    """Microseconds by name: medians over turns in which everything has its go."""
    artifact = untrained(model, width)
    check(artifact)
    stream = artifact.stream(num_streams)
    row = np.random.default_rng(2).normal(size=(num_streams, CHANNELS)).astype(np.float32)
    runs: dict[str, tuple[Run, int]] = {"stream": (lambda: stream.step(row), FRAMES)}
    if model in CELLS:
        runs["bare"] = bare(model, width, num_streams), FRAMES
    for past in PASTS:
        if num_streams == 1:
            runs[f"again {past}"] = again(artifact, past, num_streams), 1
    for run, _ in runs.values():
        run()
    turns = [{name: seconds(*job) for name, job in runs.items()} for _ in range(TURNS)]
    return {name: 1e6 * statistics.median(turn[name] for turn in turns) for name in runs}


def table(result: Mapping[str, Any]) -> str:
    lines = [
        "| model | width | streams | a step | a step and stream | bare cell | past of 100 | past of 1000 |"
    ]
    lines.append("|---|---:|---:|---:|---:|---:|---:|---:|")
    for row in result["rows"]:
        found = row["microseconds"]
        others = [
            f"{found[name]:,.0f}" if name in found else "" for name in ("bare", "again 100", "again 1000")
        ]
        cells = [f"{found['stream']:,.0f}", f"{found['stream'] / row['streams']:,.1f}", *others]
        lines.append(f"| {row['model']} | {row['width']} | {row['streams']} | {' | '.join(cells)} |")
    facts = f"{result['machine']}; kernels: {result['kernels']}; load {result['load']:.1f}"
    title = (
        f"Microseconds of processor time, {CHANNELS} channels, one thread; medians of {TURNS} turns. {facts}."
    )
    return "\n".join([title, "", *lines, ""])


def main() -> None:
    torch.set_num_threads(1)
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "torch": torch.__version__,
        "kernels": native.path(),
        "load": os.getloadavg()[0],
        "rows": [
            {
                "model": model,
                "width": width,
                "streams": streams,
                "microseconds": measure(model, width, streams),
            }
            for model in MODELS
            for width in WIDTHS
            for streams in STREAMS
        ],
    }
    (RESULTS / "streaming.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "streaming.md").write_text(table(result))
    print(table(result))


if __name__ == "__main__":
    main()
