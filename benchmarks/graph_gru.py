"""A DCGRU layer and the whole DCRNN beside the usual loop over steps, directions and powers of the walk.

python benchmarks/graph_gru.py [--threads 1 2] [--print]

207 sensors in the plane, two-way roads, as densely as in the Los Angeles loop; 12 frames, 12 forecast.
All take turns; medians, processor time on one thread, wall time on two. Refuses to time what is wrong.
Writes benchmarks/results/graph_gru.md; with --print only prints.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bicameral.kernels import native
from bicameral.models.dcrnn import DCRNN, DCRNNConfig
from bicameral.nn.graph_conv import random_walks
from bicameral.nn.graph_gru import GraphGRU

RESULTS = Path(__file__).parent / "results"
NODES, FRAMES, WALK = 207, 12, 2
LAYERS = [(layer, batch, width) for layer in ("first", "second") for batch in (8, 64) for width in (16, 64)]
CASES = [*LAYERS, ("model", 8, 16), ("model", 8, 64), ("model", 64, 16)]
DIRECTIONS = (2, 1)  # that the loops walk: both, as published ones do, or one, as two-way roads need


def make_graph() -> Tensor:
    """Weights of sensors nearer than a tenth of the plane's side, or so."""
    places = torch.rand(NODES, 2, generator=torch.Generator().manual_seed(0))
    distances = torch.cdist(places, places)
    weights = torch.exp(-((distances / 0.1) ** 2)) * (distances < 0.156)
    return (weights + weights.T) / 2


class Loop(nn.Module):
    """The cell as it is usually written, on our weights: x and h side by side, every product of its own."""

    def __init__(self, ours: Any, graph: Tensor, directions: int):
        super().__init__()
        graphs = (graph, graph.T)[:directions]
        self.ours, self.walks = ours, [w / w.sum(1, keepdim=True) for w in graphs]

    def convolve(self, x: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        both = torch.cat([x, h], -1)
        terms = [both]
        for walk in self.walks:
            before, now = both, walk @ both
            terms.append(now)
            for _ in range(WALK - 1):
                before, now = now, 2 * (walk @ now) - before
                terms.append(now)
        return torch.cat(terms, -1) @ weight + bias

    def weights(self) -> tuple[Tensor, Tensor]:
        """Ours, by term x before h; the directions, which are alike here, share them."""
        ours, e, terms = self.ours, self.ours.width, 1 + WALK
        of_x, of_g, of_c = (
            w.unflatten(0, (terms, -1)) for w in (ours.input_weight, ours.gates_weight, ours.candidate_weight)
        )
        both = [torch.cat([of_x[..., : 2 * e], of_g], 1), torch.cat([of_x[..., 2 * e :], of_c], 1)]
        num = len(self.walks)
        gates, candidate = (torch.cat([w[:1], *[w[1:] / num] * num]).flatten(0, 1) for w in both)
        return gates, candidate

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        (gates, candidate), e, outputs = self.weights(), self.ours.width, []
        for x_t in x.unbind(1):
            r, u = torch.sigmoid(self.convolve(x_t, h, gates, self.ours.bias[: 2 * e])).chunk(2, -1)
            c = torch.tanh(self.convolve(x_t, r * h, candidate, self.ours.bias[2 * e :]))
            h = u * h + (1 - u) * c
            outputs.append(h)
        return torch.stack(outputs, 1), h


class LoopModel(nn.Module):
    """The encoder and the decoder, step by step."""

    def __init__(self, ours: DCRNN, graph: Tensor, directions: int):
        super().__init__()
        self.read_out, self.width = ours.read_out, ours.read_out.in_features
        self.encoder, self.decoder = (
            nn.ModuleList(Loop(layer, graph, directions) for layer in stack)
            for stack in (ours.encoder, ours.decoder)
        )

    def forward(self, x: Tensor) -> Tensor:
        states, y = [], x.unsqueeze(-1)
        for layer in self.encoder:
            y, last = layer(y, x.new_zeros(len(x), NODES, self.width))
            states.append(last)
        change, changes = torch.zeros_like(x[:, :1, :, None]), []
        for _ in range(FRAMES):
            for i, layer in enumerate(self.decoder):
                change, states[i] = layer(change, states[i])
            change = self.read_out(change)
            changes.append(change)
        return x[:, -1:] + torch.cat(changes, 1).squeeze(-1)


def contestants(kind: str, batch: int, width: int) -> tuple[list[Callable[[], Tensor]], list[nn.Parameter]]:
    torch.manual_seed(0)
    graph = make_graph()
    if kind == "model":
        ours: Any = DCRNN((FRAMES, NODES), DCRNNConfig(horizon=FRAMES, graph=graph.tolist(), width=width))
        x, models = torch.randn(batch, FRAMES, NODES), [LoopModel(ours, graph, num) for num in DIRECTIONS]
        return [lambda m=m: m(x) for m in (ours, *models)], list(ours.parameters())
    inputs = {"first": 1, "second": width}[kind]
    ours = GraphGRU(inputs, width, random_walks(graph, WALK))
    loops = [Loop(ours, graph, num) for num in DIRECTIONS]
    x, h = torch.randn(batch, FRAMES, NODES, inputs), torch.zeros(batch, NODES, width)
    x.requires_grad_(kind == "second")
    return [lambda m=m: m(x, h)[0] for m in (ours, *loops)], list(ours.parameters())


def passes(forward: Callable[[], Tensor], parameters: list[nn.Parameter]) -> list[Callable[[], list[Tensor]]]:
    def infer() -> list[Tensor]:
        with torch.no_grad():
            return [forward()]

    def train() -> list[Tensor]:
        y = forward()
        return [y, *torch.autograd.grad(y.square().sum(), parameters)]

    return [infer, train]


def interleave(runs: list[Callable[[], Any]], clock: Callable[[], float], spend: float) -> list[float]:
    times: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + spend
    while len(times[0]) < 3 or time.perf_counter() < end:
        for run, kept in zip(runs, times, strict=True):
            start = clock()
            run()
            kept.append(clock() - start)
    return [statistics.median(kept) for kept in times]


def check(runs: list[Callable[[], list[Tensor]]]) -> None:
    for ours, *others in zip(*(run() for run in runs), strict=True):
        if any(not (other - ours).abs().max() <= 1e-3 * ours.abs().max() for other in others):
            raise SystemExit("the loop gives something else: nothing was timed")


def measure(kind: str, batch: int, width: int, threads: int, spend: float) -> str:
    torch.set_num_threads(threads)
    forwards, parameters = contestants(kind, batch, width)
    clock, cells = time.process_time if threads == 1 else time.perf_counter, [kind, batch, width, threads]
    for runs in zip(*(passes(forward, parameters) for forward in forwards), strict=True):
        check(list(runs))
        ours, *others = interleave(list(runs), clock, spend)
        cells += [f"{1e3 * ours:.1f}", *(f"{other / ours:.2f}" for other in others)]
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = """# A GRU on a graph beside the usual loop

torch {torch}, kernels {kernels}, load {load:.1f} before.
207 nodes, {filled:.1%} of the weights not zero, 12 frames; layers with one input a node (first) or as many as
units (second), and the whole DCRNN, which forecasts 12 frames. The loops' columns say how many times as long
they took: as published, over both directions of the walk, and one way, enough for two-way roads.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--spend", type=float, default=2.0, help="seconds a pass and case, at least")
    parser.add_argument("--print", action="store_true", help="write nothing")
    given = parser.parse_args()
    if native.library() is None:
        raise SystemExit(f"nothing to measure: {native.path()}")
    heads = [
        "what",
        "batch",
        "width",
        "threads",
        "forward, ms",
        "loop",
        "one way",
        "both, ms",
        "loop",
        "one way",
    ]
    lines = [
        HEAD.format(
            torch=torch.__version__,
            kernels=native.path(),
            load=os.getloadavg()[0],
            filled=make_graph().count_nonzero() / NODES**2,
        ),
        "| " + " | ".join(heads) + " |\n|" + "---|" * len(heads),
    ]
    lines += [measure(*case, threads, given.spend) for threads in given.threads for case in CASES]
    print("\n".join(lines))
    if not given.print:
        (RESULTS / "graph_gru.md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
