"""LSTM, GRU and RNN against torch.nn, and cells that torch.nn lacks against a loop over frames.

python benchmarks/gated.py [--quick] [--threads 1 2] [--compiled]

Ours and the peer take turns; a ratio is of medians, above one where ours is faster. One thread is timed by
its processor time, which other programs disturb least, several by the clock. Refuses to time what is wrong.
Writes benchmarks/results/gated.json and gated.md; with --quick only prints.
"""

import argparse
import itertools
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bicameral.kernels import native
from bicameral.kernels.gated import CELLS, Weights, gated, reference

RESULTS = Path(__file__).parent / "results"
TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh_rnn": nn.RNN}
LOOPED = tuple(name for name in CELLS if name not in TORCH and name != "relu_rnn")
EXTRAS = {"peephole_lstm": 3, "layer_norm_lstm": 6}
Run = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    cell: str
    training: bool
    hidden: int
    batch: int
    length: int
    threads: int

    @property
    def flops(self) -> float:
        cell = CELLS[self.cell]
        gates = cell.num_input_gates + cell.num_state_gates + cell.projects
        return (6 if self.training else 2) * gates * self.hidden**2 * self.batch * self.length


def grid(quick: bool, threads: list[int], most: float) -> Iterator[Case]:
    """Every case of the grid that one pass of `most` operations can do."""
    hidden, batch, length = (
        ((32, 128), (1, 32), (32, 128)) if quick else ((32, 64, 128, 256, 512), (1, 32, 128), (32, 128, 1024))
    )
    cells = [*TORCH, *(LOOPED[:1] if quick else ())]
    for cell, training, *sizes in itertools.product(cells, (False, True), hidden, batch, length, threads):
        case = Case(cell, training, *sizes)
        if case.flops <= most:
            yield case
    for cell, training, h, b in itertools.product(LOOPED, (False, True), hidden, batch):
        case = Case(cell, training, h, b, 128, threads[0])
        if not quick and case.flops <= most:
            yield case


def ours_and_theirs(case: Case) -> tuple[Run, Run]:
    """Return both sides on the same weights and input."""
    torch.manual_seed(0)
    cell, e = CELLS[case.cell], case.hidden
    shapes = [
        (cell.num_input_gates * e, e),
        (cell.num_state_gates * e, e),
        (cell.num_input_gates * e,),
        (cell.num_state_gates * e,),
    ]
    weights = [nn.Parameter(torch.randn(shape) / e**0.5) for shape in shapes]
    extra = (EXTRAS.get(case.cell, e), e)
    needed = case.cell in EXTRAS or cell.projects
    weights.append(nn.Parameter(torch.randn(extra) / e**0.5) if needed else None)
    x = torch.randn(case.batch, case.length, e, requires_grad=case.training)
    state = tuple(torch.zeros(case.batch, e) for _ in range(cell.num_states))

    def kernel(*_: Any) -> Tensor:
        return gated(case.cell, x, state, Weights(*weights))[0]

    sources = [v for v in (x, *weights) if v is not None]
    return runner(case, kernel, sources, x), runner(case, peer(case, x, state, weights), sources, x)


def peer(case: Case, x: Tensor, state: tuple[Tensor, ...], weights: list[Any]) -> Callable[[], Tensor]:
    if case.cell not in TORCH:
        return lambda: reference.scan(CELLS[case.cell].step, x, state, Weights(*weights), None)[0]
    theirs = TORCH[case.cell](case.hidden, case.hidden, batch_first=True)
    for name, weight in zip(theirs._flat_weights_names, weights, strict=False):
        setattr(theirs, name, weight)
    return lambda: theirs(x)[0]


def runner(case: Case, forward: Callable[[], Tensor], sources: list[Tensor], x: Tensor) -> Run:
    grad = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))

    def infer() -> list[Tensor]:
        with torch.no_grad():
            return [forward()]

    def train() -> list[Tensor]:
        y = forward()
        return [y, *torch.autograd.grad(y, sources, grad)]

    return train if case.training else infer


def check(case: Case, ours: Run, theirs: Run) -> None:
    """Refuse to time what differs by more than float32 does."""
    for one, other in zip(ours(), theirs(), strict=True):
        if not (one - other).abs().max() <= 2e-3 * other.abs().max() + 1e-5:
            raise SystemExit(f"{case} differs from its peer: nothing was timed")


def seconds(threads: int) -> float:
    return time.process_time() if threads == 1 else time.perf_counter()


def interleave(case: Case, runs: tuple[Run, ...], spend: float) -> list[float]:
    """Median seconds of each, in turns."""
    times: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + spend
    while len(times[0]) < 3 or (time.perf_counter() < end and len(times[0]) < 300):
        for run, kept in zip(runs, times, strict=True):
            start = seconds(case.threads)
            run()
            kept.append(seconds(case.threads) - start)
    return [statistics.median(kept) for kept in times]


def peak(threads: int) -> float:
    """Operations a second of a large product: the floor under everything here."""
    torch.set_num_threads(threads)
    a = torch.randn(768, 768)
    case = Case("lstm", False, 0, 0, 0, threads)
    return 2 * 768**3 / interleave(case, (lambda: a @ a,), 1.0)[0]


def measure(case: Case, peaks: dict[int, float], spend: float) -> dict[str, Any]:
    torch.set_num_threads(case.threads)
    ours, theirs = ours_and_theirs(case)
    check(case, ours, theirs)
    mine, other = interleave(case, (ours, theirs), spend)
    floor = case.flops / peaks[case.threads] / mine
    return asdict(case) | {"ms": 1e3 * mine, "ratio": other / mine, "of_peak": floor}


def compiled_loop() -> dict[str, float]:
    """A hand-written loop under torch.compile: what its first call costs, and later ones against ours."""
    case = Case("lstm", False, 64, 32, 32, 1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, state = torch.randn(32, 32, 64), (torch.zeros(32, 64), torch.zeros(32, 64))
    weights = Weights(*[torch.randn(s) / 8 for s in ((256, 64), (256, 64), (256,), (256,))])
    loop = torch.compile(lambda: reference.scan(reference.lstm, x, state, weights, None)[0])
    runs = [runner(case, f, [], x) for f in (lambda: gated("lstm", x, state, weights)[0], loop)]
    start = time.perf_counter()
    runs[1]()
    first = time.perf_counter() - start
    check(case, *runs)
    mine, other = interleave(case, tuple(runs), 1.0)
    return {"first_call_s": first, "ratio": other / mine, "ms": 1e3 * mine}


def mean(ratios: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """One line a cell and direction: geometric mean, worst and best, all and narrow ones."""
    lines = [
        "| cell | pass | threads | mean ratio | hidden <= 64 | hidden 512 | lowest | highest | of peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    keys = sorted({(row["cell"], row["training"], row["threads"]) for row in rows})
    for key in keys:
        mine = [row for row in rows if (row["cell"], row["training"], row["threads"]) == key]
        ratios = [row["ratio"] for row in mine]
        parts = [
            [row["ratio"] for row in mine if test(row["hidden"])]
            for test in (lambda h: h <= 64, lambda h: h == 512)
        ]
        cells = [key[0], "both" if key[1] else "forward", str(key[2]), f"{mean(ratios):.2f}"]
        cells += [f"{mean(part):.2f}" if part else "" for part in parts]
        cells += [f"{min(ratios):.2f}", f"{max(ratios):.1f}", f"{max(row['of_peak'] for row in mine):.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def report(result: dict[str, Any]) -> str:
    facts = f"{result['machine']}; kernels {result['kernels']}; load {result['load']:.1f} before."
    about = "Ratios to torch.nn, and to an eager loop for cells it lacks; above one ours is faster."
    lines = ["# Gated recurrences", "", about, facts, "", *summary(result["cases"])]
    if result["compiled"]:
        c = result["compiled"]
        lines += [
            "",
            "A loop under torch.compile (hidden 64, batch 32, length 32): first call "
            f"{c['first_call_s']:.0f} s, then {c['ratio']:.1f} times our {c['ms']:.2f} ms.",
        ]
    return "\n".join([*lines, ""])


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--quick", action="store_true", help="a few cases, printed and not written")
    arguments.add_argument("--compiled", action="store_true", help="also a loop under torch.compile")
    arguments.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--most", type=float, default=8e9, help="operations of the largest case")
    arguments.add_argument("--spend", type=float, default=0.2, help="seconds a case, at least")
    given = arguments.parse_args()
    if native.library() is None:
        raise SystemExit(f"nothing to measure: {native.path()}")
    load = os.getloadavg()[0]
    peaks = {threads: peak(threads) for threads in given.threads}
    cases = grid(given.quick, given.threads, given.most)
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, torch {torch.__version__}",
        "kernels": native.path(),
        "load": load,
        "gigaflops": {threads: value / 1e9 for threads, value in peaks.items()},
        "cases": [measure(case, peaks, given.spend) for case in cases],
        "compiled": compiled_loop() if given.compiled else {},
    }
    print(report(result))
    if not given.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "gated.json").write_text(json.dumps(result, indent=1) + "\n")
        (RESULTS / "gated.md").write_text(report(result))


if __name__ == "__main__":
    main()
