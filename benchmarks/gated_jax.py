"""LSTM and GRU beside a jitted `lax.scan` of JAX, in turns, one thread, processor time.

    python benchmarks/gated_jax.py /path/to/venv-with-jax/bin/python

Writes benchmarks/results/gated_jax.json and gated_jax.md. Refuses to report what differs.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bicameral.kernels import native
from bicameral.kernels.gated import CELLS, Weights, gated

HERE = Path(__file__).parent
GRID = (("lstm", "gru"), (32, 128, 512), (1, 32), (128,), (False, True))
TURNS, SECONDS = 5, 0.1  # of each side; a turn is about so long


def values(cell: str, hidden: int, batch: int, frames: int) -> list[torch.Tensor]:
    """Weights and frames: drawn alike on both sides of the pipe."""
    rng, gates = np.random.default_rng(0), CELLS[cell].num_input_gates
    shapes = [(gates * hidden, hidden), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    weights = [(rng.normal(size=shape) / hidden**0.5).astype(np.float32) for shape in shapes]
    return list(
        map(torch.from_numpy, [*weights, rng.normal(size=(batch, frames, hidden)).astype(np.float32)])
    )


def ours(cell: str, hidden: int, batch: int, frames: int, gradients: bool) -> Callable[[], float]:
    """What runs our kernel once and returns the sum of the outputs."""
    *weights, x = (v.requires_grad_(gradients) for v in values(cell, hidden, batch, frames))
    state = tuple(torch.zeros(batch, hidden) for _ in range(CELLS[cell].num_states))

    def run() -> float:
        with torch.set_grad_enabled(gradients):
            y = gated(cell, x, state, Weights(*weights))[0]
            if gradients:
                torch.autograd.grad(y.sum(), [*weights, x])
        return float(y.detach().sum())

    return run


def timed(run: Callable[[], float], calls: int) -> float:
    begin = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - begin) / calls


def measure(case: tuple[Any, ...], ask: Callable[..., Any]) -> dict[str, Any]:
    """Medians of both sides, in turns."""
    run = ours(*case)
    total, (_, theirs) = run(), ask(*case, 1)
    if abs(total - theirs) > 1e-3 * max(1.0, abs(theirs)):
        raise SystemExit(f"{case}: {total} here and {theirs} there; nothing was timed")
    calls = [max(1, int(SECONDS / seconds)) for seconds in (timed(run, 3), ask(*case, 3)[0])]
    turns = [(timed(run, calls[0]), ask(*case, calls[1])[0]) for _ in range(TURNS)]
    mine, other = (statistics.median(side) for side in zip(*turns, strict=True))
    names = ("cell", "hidden", "batch", "frames", "gradients")
    return dict(zip(names, case, strict=True)) | {
        "ms": 1e3 * mine,
        "jax_ms": 1e3 * other,
        "ratio": other / mine,
    }


def report(result: dict[str, Any]) -> str:
    lines = [
        "# Gated recurrences beside JAX\n",
        f"`python benchmarks/gated_jax.py PYTHON`: JAX {result['jax']}, `lax.scan` under `jit`, one thread, "
        f"medians of {TURNS} turns of processor time; kernels {result['kernels']}; load "
        f"{result['load']:.1f}. A ratio above one says that ours is faster.\n",
        "| cell | pass | hidden | batch | frames | ours ms | JAX ms | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['cell']} | {'both' if row['gradients'] else 'forward'} | {row['hidden']} | {row['batch']} "
        f"| {row['frames']} | {row['ms']:.3f} | {row['jax_ms']:.3f} | {row['ratio']:.2f} |"
        for row in result["cases"]
    ]
    return "\n".join(lines) + "\n"


def main(python: str) -> None:
    torch.set_num_threads(1)
    command = [python, str(HERE / "peers/gated_jax.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        version = json.loads(process.stdout.readline())["jax"]

        def ask(*request: Any) -> Any:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        facts = {"jax": version, "kernels": native.path(), "load": os.getloadavg()[0]}
        result = facts | {"cases": [measure(case, ask) for case in itertools.product(*GRID)]}
        process.stdin.close()
    (HERE / "results" / "gated_jax.json").write_text(json.dumps(result, indent=1) + "\n")
    (HERE / "results" / "gated_jax.md").write_text(report(result))
    print(report(result))


if __name__ == "__main__":
    if native.library() is None:
        print(f"nothing to measure: {native.path()}")
    elif len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        print("JAX is absent: name the Python of an environment that has it")
