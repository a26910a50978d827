"""How fast the linear scan is beside every other way to compute it, and beside the memory it must move.

python benchmarks/scan.py --peers /path/to/venv/bin/python

The peers' environment holds jax; without --peers JAX is said to be absent. All take their turns in one run,
one call after another; medians. Writes benchmarks/results/scan.json and scan.md.
"""

import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peers import scan_torch as peers
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.linear_scan import linear_scan

HERE = Path(__file__).parent
SHAPES = [(32, 128, 64), (8, 1024, 256), (32, 1024, 64), (1, 16384, 256), (1, 65536, 128), (1, 1_000_000, 16)]
BYTES = {False: 12, True: 32}  # read and written a value: a, x, y; with gradients also a, y, dy, da, dx
OURS, LOOP, CHUNKS, FLOOR = "bicameral", "Python loop", "PyTorch, in chunks", "memory (triad)"
ASSOCIATIVE, COMPILED = "torch associative_scan", "torch associative_scan, compiled"
SCANS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    OURS: linear_scan,
    CHUNKS: peers.Chunks.apply,
    LOOP: peers.loop,
    "Hillis-Steele": peers.hillis_steele,
    ASSOCIATIVE: peers.associative,
    COMPILED: torch.compile(peers.associative, dynamic=False),
}
# Longest sequences that each is given, forward and with gradients: a node a frame, or minutes of compilation.
LONGEST = {LOOP: (16384, 1024), "Hillis-Steele": (65536, 65536), COMPILED: (128, 128)}
JAX = ("JAX associative_scan", "JAX lax.scan")
WORST = 1e-5  # relative error of anything that is timed
ENOUGH = 0.004  # seconds a turn: short calls are repeated


def keep_memory() -> None:
    """Let freed memory stay with the process: fresh pages cost every contestant more than its arithmetic."""
    ctypes.CDLL(None).mallopt(-4, 0)  # M_MMAP_MAX
    ctypes.CDLL(None).mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def arguments(shape: tuple[int, int, int], gradients: bool) -> list[Tensor]:
    torch.manual_seed(0)
    a, x, h = torch.randn(shape).sigmoid(), torch.randn(shape), torch.randn(shape[0], shape[2])
    return [v.requires_grad_(gradients) for v in (a, x, h)]


def call(scan: Callable[..., Tensor], values: list[Tensor], grad: Tensor | None) -> list[Tensor]:
    y = scan(*values)
    return [y] if grad is None else [y, *torch.autograd.grad(y, values, grad)]


def check(ask: Callable[..., Any]) -> None:
    """Refuse to time anything that does not compute what the definition computes in double precision."""
    if native.library() is None:
        raise SystemExit(f"the kernels are not compiled: {native.path()}")
    values, grad = arguments((2, 67, 21), True), torch.randn(2, 67, 21)
    exact = call(peers.loop, [v.detach().double().requires_grad_() for v in values], grad.double())
    errors = {name: ask("check", name) for name in JAX}
    for name, scan in SCANS.items():
        if name != COMPILED:  # the same function; compiling it once more takes a minute
            pairs = zip(call(scan, values, grad), exact, strict=True)
            errors[name] = max(
                float((one - other).detach().abs().max() / other.detach().abs().max()) for one, other in pairs
            )
    wrong = {name: error for name, error in errors.items() if error is not None and error > WORST}
    if wrong:
        raise SystemExit(f"wrong results, nothing was timed: {wrong}")


@contextmanager
def jax_process(python: str | None, threads: int) -> Iterator[tuple[str | None, Callable[..., Any]]]:
    """Give JAX's version and what asks it for one answer; no version and no answers where it is absent."""
    if python is None:
        yield None, lambda *_: None
        return
    command = [python, str(HERE / "peers/scan_jax.py"), str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        version = json.loads(process.stdout.readline())["jax"]

        def ask(*request: Any) -> Any:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield version, ask
        process.stdin.close()


def contestants(
    shape: tuple[int, int, int], gradients: bool, clock: Callable[[], float], ask: Callable[..., Any] | None
) -> dict[str, Callable[[int], float]]:
    """For each name, what makes so many calls and returns the seconds a call."""
    values = arguments(shape, gradients)
    grad = torch.randn(shape) if gradients else None
    out = torch.empty(shape)

    def timed(run: Callable[[], Any]) -> Callable[[int], float]:
        def turn(calls: int) -> float:
            begin = clock()
            for _ in range(calls):
                run()
            return (clock() - begin) / calls

        return turn

    a, x, _ = (v.detach() for v in values)
    runs = {FLOOR: timed(lambda: torch.add(x, a, alpha=0.5, out=out))}
    for name, scan in SCANS.items():
        if name not in LONGEST or shape[1] <= LONGEST[name][gradients]:
            runs[name] = timed(lambda scan=scan: call(scan, values, grad))
    for name in JAX if ask else ():
        runs[name] = lambda calls, name=name: ask(name, *shape, gradients, calls)
    return runs


def measure(runs: Mapping[str, Callable[[int], float]], turns: int) -> dict[str, dict[str, float]]:
    """Medians of interleaved turns, and how long the first call took: compilation, where there is any."""
    first, again = ({name: run(1) for name, run in runs.items()} for _ in range(2))
    calls = {name: max(1, int(ENOUGH / seconds)) for name, seconds in again.items()}
    times = [{name: run(calls[name]) for name, run in runs.items()} for _ in range(turns)]
    return {
        name: {"seconds": statistics.median(turn[name] for turn in times), "first_call": first[name]}
        for name in runs
    }


def measure_all(python: str | None, threads: int, turns: int) -> tuple[str | None, list[dict[str, Any]]]:
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    rows = []
    with jax_process(python, threads) as (version, ask):
        check(ask)
        for gradients in (False, True):
            for shape in SHAPES:
                load = os.getloadavg()[0]
                runs = contestants(shape, gradients, clock, ask if version else None)
                found = measure(runs, turns)
                rows.append(
                    {"shape": shape, "gradients": gradients, "threads": threads, "load": load} | found
                )
                print(line(rows[-1]), file=sys.stderr, flush=True)
    return version, rows


def floor(row: Mapping[str, Any]) -> float:
    """Seconds to move what must be moved, at the pace of the triad."""
    return row[FLOOR]["seconds"] * BYTES[row["gradients"]] / BYTES[False]


def line(row: Mapping[str, Any]) -> str:
    ours = row[OURS]["seconds"]
    batch, frames, width = row["shape"]
    moved = batch * frames * width * BYTES[row["gradients"]]
    cells = [
        f"{batch} x {frames:,} x {width}",
        f"{1e3 * ours:.3g}",
        f"{moved / ours / 1e9:.1f}",
        f"{ours / floor(row):.2f}",
        *(
            f"{row[name]['seconds'] / ours:.1f}" if name in row else ""
            for name in [*SCANS, *JAX]
            if name != OURS
        ),
        f"{row['load']:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def table(rows: list[dict[str, Any]]) -> str:
    others = [name for name in [*SCANS, *JAX] if name != OURS]
    heads = ["batch x frames x width", "ms", "GB/s", "over floor", *others, "load"]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *map(line, rows), ""])


HEAD = """# The linear scan

{machine}; {versions}; kernels {kernels}. Medians of {turns} interleaved turns; processor time on one thread,
wall time on two. `ms` is ours; the columns of the others say how many times as long they took; empty: not run
(a graph of a node a frame, or minutes of compilation). The floor is the time that
`torch.add(x, a, alpha=0.5, out=y)` takes to move as many bytes. Freed memory is kept by the process, for all
alike. Others worked on the machine: the load stands in the last column.
"""


def page(result: Mapping[str, Any]) -> str:
    rows, text = result["rows"], [HEAD.format_map(result)]
    for threads in sorted({row["threads"] for row in rows}):
        for gradients, title in ((False, "forward"), (True, "forward and backward")):
            chosen = [row for row in rows if (row["threads"], row["gradients"]) == (threads, gradients)]
            text.append(f"## {title}, {threads} thread{'s' * (threads > 1)}\n\n{table(chosen)}")
    firsts = ", ".join(
        f"{name} {row['first_call']:.3g} s" for name, row in rows[0].items() if name in [*SCANS, *JAX]
    )
    shape = " x ".join(map(str, rows[0]["shape"]))
    text.append(f"First call at {shape}, forward, without what compilers keep or run elsewhere: {firsts}.\n")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python of an environment with jax")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    keep_memory()
    measured = [measure_all(given.peers, threads, given.turns) for threads in given.threads]
    jax = measured[0][0]
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "kernels": f"{native.path()}, compiled by {native.compiler()}",
        "versions": f"torch {torch.__version__}, " + (f"jax {jax}" if jax else "jax absent"),
        "turns": given.turns,
        "rows": [row for _, rows in measured for row in rows],
    }
    (HERE / "results/scan.json").write_text(json.dumps(result, indent=1) + "\n")
    (HERE / "results/scan.md").write_text(page(result))
    print(page(result))


if __name__ == "__main__":
    main()
