"""LSTM, GRU and RNN beside torch.nn, torch.compile, JAX, Keras and ONNX Runtime.

python benchmarks/gated_peers.py --peers PYTHON [--threads 1 2] [--minutes 8] [--print]

PYTHON belongs to an environment with jax, keras, onnx and onnxruntime; without it only PyTorch takes part.
Each is a process of its own, warm, and they take turns; medians, processor time on one thread, which other
programs disturb least, wall time on several. Refuses to time what is wrong.
Writes benchmarks/results/gated_peers.json and gated_peers.md; with --print only prints.
"""

import argparse
import itertools
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bicameral.kernels import native

HERE = Path(__file__).parent
OURS = "bicameral"
PYTORCH = {OURS: "bicameral", "torch.nn": "eager", "torch.compile": "compiled"}
FOREIGN = {"JAX": "gated_jax.py", "Keras": "gated_keras.py", "ONNX Runtime": "gated_onnx.py"}
OTHERS = [name for name in (*PYTORCH, *FOREIGN) if name != OURS]
NAMES = ("gradients", "cell", "hidden", "batch", "frames")
GRID = list(itertools.product((False, True), ("lstm", "gru", "rnn"), (32, 128, 512), (1, 32), (128,)))
ENOUGH = 0.02  # seconds a turn: short calls are repeated
FEWEST, MOST = 3, 31  # turns
REST = 0.2  # seconds before a turn: threads of the one before spin for as long as a tenth
WORST = 1e-4  # difference, as a part of the largest number: float32 summed in other orders


class Contestant:
    """A process that answers one line of JSON with another."""

    def __init__(self, process: subprocess.Popen[str]):
        self.process = process
        self.versions = self._read()

    def ask(self, **question: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"no answer from {' '.join(map(str, self.process.args))}")  # type: ignore[arg-type]
        return json.loads(line)


@contextmanager
def contestants(peers: str | None, threads: int) -> Iterator[dict[str, Contestant]]:
    commands = {
        name: [sys.executable, "gated_torch.py", str(threads), whose] for name, whose in PYTORCH.items()
    }
    commands |= {name: [peers, file, str(threads)] for name, file in FOREIGN.items() if peers}
    with ExitStack() as stack:
        yield {
            name: Contestant(stack.enter_context(start([python, str(HERE / "peers" / file), *rest])))
            for name, (python, file, *rest) in commands.items()
        }


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def errors(case: tuple[Any, ...], able: Mapping[str, Contestant]) -> dict[str, float]:
    """Return the largest difference of each from ours in outputs and gradients; refuse what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name, one in able.items():
            one.ask(write=f"{folder}/{name}.npz")
            with np.load(f"{folder}/{name}.npz") as arrays:
                found[name] = list(arrays.values())
    pairs = {name: zip(arrays, found[OURS], strict=True) for name, arrays in found.items()}
    largest = {name: max(error(*pair) for pair in both) for name, both in pairs.items()}
    wrong = {name: value for name, value in largest.items() if not value <= WORST}
    if wrong:
        raise SystemExit(f"{case} differs from ours, nothing is written: {wrong}")
    return largest


def error(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape, (one.shape, other.shape)
    return float(abs(one - other).max() / abs(other).max())


def measure(case: tuple[Any, ...], entered: Mapping[str, Contestant], spend: float) -> dict[str, Any]:
    """Medians of turns that take `spend` seconds, the preparation included."""
    end = time.perf_counter() + spend
    calls = {}
    for name, one in entered.items():
        took = one.ask(prepare=case)
        if took is not None:
            calls[name] = max(1, math.ceil(ENOUGH / took))
    able = {name: entered[name] for name in calls}
    row = dict(zip(NAMES, case, strict=True)) | {"errors": errors(case, able), "load": os.getloadavg()[0]}
    turns: list[dict[str, float]] = []
    while len(turns) < FEWEST or (len(turns) < MOST and time.perf_counter() < end):
        turns.append({name: turn(one, calls[name]) for name, one in able.items()})
    return row | {"seconds": {name: statistics.median(turn[name] for turn in turns) for name in able}}


def turn(one: Contestant, calls: int) -> float:
    time.sleep(REST)
    return one.ask(calls=calls)


def measure_all(
    peers: str | None, threads: int, minutes: float
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return versions and rows; each case gets its share of the time that is left."""
    end = time.perf_counter() + 60 * minutes
    with contestants(peers, threads) as entered:
        rows = []
        for left, case in zip(range(len(GRID), 0, -1), GRID, strict=True):
            rows.append({"threads": threads} | measure(case, entered, (end - time.perf_counter()) / left))
            print(line(rows[-1]), file=sys.stderr, flush=True)
        return {k: v for one in entered.values() for k, v in one.versions.items()}, rows


def ratios(row: Mapping[str, Any]) -> dict[str, float]:
    seconds = row["seconds"]
    return {name: seconds[name] / seconds[OURS] for name in seconds if name != OURS}


def line(row: Mapping[str, Any]) -> str:
    cells = [row["cell"], row["hidden"], row["batch"], f"{1e3 * row['seconds'][OURS]:.3f}"]
    cells += [f"{ratios(row)[name]:.2f}" if name in ratios(row) else "" for name in OTHERS]
    return "| " + " | ".join(map(str, cells)) + " |"


def means(rows: list[dict[str, Any]]) -> list[str]:
    """One line a cell, direction and number of threads: geometric mean and, in brackets, the lowest ratio."""
    lines = table("cell", "pass", "threads", *OTHERS)
    for threads, gradients, cell in sorted({(row["threads"], row["gradients"], row["cell"]) for row in rows}):
        key = {"threads": threads, "gradients": gradients, "cell": cell}
        found = [ratios(row) for row in rows if key.items() <= row.items()]
        cells = [cell, "both" if gradients else "forward", str(threads)]
        for name in OTHERS:
            values = [row[name] for row in found if name in row]
            cells.append(f"{statistics.geometric_mean(values):.2f} ({min(values):.2f})" if values else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def table(*heads: str) -> list[str]:
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]


def page(result: Mapping[str, Any]) -> str:
    lines = [HEAD.format_map(result), *means(result["rows"])]
    for threads, gradients in itertools.product(result["threads"], (False, True)):
        title = "forward and backward" if gradients else "forward"
        lines += ["", f"## {title}, {threads} thread{'s' * (threads > 1)}", ""]
        lines += table("cell", "hidden", "batch", "ours, ms", *OTHERS)
        key = {"threads": threads, "gradients": gradients}
        lines += [line(row) for row in result["rows"] if key.items() <= row.items()]
    return "\n".join([*lines, ""])


HEAD = """# Gated recurrences beside other libraries

{machine}; {versions}; kernels {kernels};
load {load} while measured. One layer, float32, over 128 frames as wide as the layer. The columns of the
others say how many times as long as ours they took, in the first table as geometric means, with the lowest in
brackets: above one, ours is faster. Medians of turns taken one after another, every process warm; processor
time on one thread, wall time on two. Each does what it does best: JAX `jit` of `lax.scan`, weights laid out
for it, inputs projected before or within it and steps unrolled as is fastest; Keras on JAX, jitted whole;
ONNX Runtime (no gradients) one node on frames that lie time first, its output bound where that pays.
torch.compile leaves the recurrences of torch.nn as they are. Outputs and gradients agree within {error:.0e}
of their largest number.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help="Python of an environment with jax, keras, onnx, onnxruntime")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--minutes", type=float, default=8, help="of the whole run")
    parser.add_argument("--print", action="store_true", help="write nothing")
    given = parser.parse_args()
    if native.library() is None:
        raise SystemExit(f"nothing to measure: {native.path()}")
    share = given.minutes / len(given.threads)
    measured = [measure_all(given.peers, threads, share) for threads in given.threads]
    rows = [row for _, found in measured for row in found]
    loads = [row["load"] for row in rows]
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "versions": ", ".join(f"{name} {version}" for name, version in measured[0][0].items()),
        "kernels": native.path(),
        "load": f"{min(loads):.1f} to {max(loads):.1f}",
        "error": max(max(row["errors"].values()) for row in rows),
        "threads": given.threads,
        "rows": rows,
    }
    print(page(result))
    if not given.print:
        (HERE / "results/gated_peers.json").write_text(json.dumps(result, indent=1) + "\n")
        (HERE / "results/gated_peers.md").write_text(page(result))


if __name__ == "__main__":
    main()
