"""What one training step costs beyond ten bare lines of PyTorch, and what it costs in other trainers.

python benchmarks/loop_cost.py --peers /path/to/venv/bin/python

The peers' environment holds torch, lightning and skorch (fastai where it installs); without --peers
only our own loop is measured. One thread, processor time. Writes benchmarks/results/loop_cost.json and .md.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import loop_cost as peers
from torch.nn.utils import parameters_to_vector

from bicameral.data.batches.loader import batches
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.tasks import Classify
from bicameral.training import Budget, Recipe, derive, fit, seeded

HERE = Path(__file__).parent
RECIPE = Recipe(schedule="constant", warmup=0.0, clip=None, batch_size=peers.BATCH, compile=False)


def prepare() -> tuple[Classify, Prepared]:
    x, y = peers.make_data()
    classes = tuple(map(str, range(peers.CLASSES)))
    dataset = Dataset(name="made", kind="series", items=list(x.numpy()), targets=y.numpy(), classes=classes)
    return Classify(classes=classes), Prepared(dataset, fit_preprocessing(dataset, np.arange(len(x))))


def check() -> None:
    """Refuse to time a loop that does not compute what the bare lines compute, bit for bit."""
    task, train = prepare()
    with seeded(0):
        ours, theirs = peers.Reader(), peers.Reader()
    theirs.load_state_dict(ours.state_dict())
    fit(ours, task, train, None, recipe=RECIPE, budget=Budget(epochs=1), seed=0)
    decayed = [weight for weight in theirs.parameters() if weight.ndim > 1]
    plain = {"params": [weight for weight in theirs.parameters() if weight.ndim == 1], "weight_decay": 0.0}
    optimizer = torch.optim.AdamW([{"params": decayed}, plain], 1e-3, fused=True)
    for batch in batches(train, peers.BATCH, seed=derive(0, "order"), epoch=0):
        task.loss(theirs(batch.x), torch.as_tensor(batch.y)).backward()
        optimizer.step()
        optimizer.zero_grad()
    weights = [parameters_to_vector(network.parameters()) for network in (ours, theirs)]
    if not torch.equal(*weights):
        raise SystemExit("fit does not compute what the bare loop computes: nothing was timed")


def measure_ours(repeats: int) -> dict[str, list[float]]:
    task, train = prepare()

    def ours(steps: int) -> None:
        fit(peers.Reader(), task, train, None, recipe=RECIPE, budget=Budget(steps=steps), seed=0)

    return peers.interleave({"bare": peers.bare, "bicameral": ours}, repeats)


def measure_peers(python: str, repeats: int) -> dict[str, Any]:
    command = [python, str(HERE / "peers/loop_cost.py"), str(repeats)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1])


def summarise(seconds: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median time of a step, and median ratio to the bare loop of the same turn."""
    rows = {}
    for name, times in seconds.items():
        ratios = [time / bare for time, bare in zip(times, seconds["bare"], strict=True)]
        rows[name] = {
            "ms_a_step": 1e3 * statistics.median(times),
            "ratio": statistics.median(ratios),
            "lowest_ratio": min(ratios),
            "highest_ratio": max(ratios),
        }
    return rows


def table(result: Mapping[str, Any]) -> str:
    lines = ["| loop | CPU ms a step | over bare | lowest and highest |", "|---|---|---|---|"]
    renamed = {"bare": "bare, in the peers' environment"}
    theirs = {renamed.get(name, name): row for name, row in result["peers"].items()}
    for name, row in {**result["ours"], **theirs}.items():
        spread = f"{row['lowest_ratio']:.2f} to {row['highest_ratio']:.2f}"
        lines.append(f"| {name} | {row['ms_a_step']:.3f} | {row['ratio']:.2f} | {spread} |")
    lines += [f"| {name} | not measured: {reason} | | |" for name, reason in result["not_measured"].items()]
    facts = f"{result['machine']}; load {result['load']:.1f} before; medians of {result['repeats']} turns."
    return "\n".join([f"LSTM-64, batch 32, 28 x 28, one thread. {facts}", "", *lines, ""])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peers", help="Python of an environment with torch, lightning and skorch")
    arguments.add_argument("--repeats", type=int, default=9)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    check()
    nothing = {"seconds": {}, "unable": {}, "versions": {}}
    theirs = measure_peers(given.peers, given.repeats) if given.peers else nothing
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "load": load,
        "repeats": given.repeats,
        "versions": {"torch": torch.__version__} | theirs["versions"],
        "ours": summarise(measure_ours(given.repeats)),
        "peers": summarise(theirs["seconds"]),
        "not_measured": theirs["unable"],
    }
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / "loop_cost.json").write_text(json.dumps(result, indent=1) + "\n")
    (results / "loop_cost.md").write_text(table(result))
    print(table(result))


if __name__ == "__main__":
    main()
