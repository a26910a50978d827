"""Two old questions of memory: who adds two marked numbers, who copies ten symbols, 200 steps later?

    python benchmarks/memory.py [seconds a model] [adding|copy] [model ...]

Every model gets the same seconds on the same made data, by the ordinary `bicameral.train`. Writes
benchmarks/results/memory.json and benchmarks/memory.md. The tasks are those of Hochreiter and Schmidhuber
(1997) as Bai et al. (2018, arXiv 1803.01271) state them; here the copied symbols are predicted one by one,
each after the one before it has been seen.
"""

import json
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import continued
from bicameral.training.train import train

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "memory.json"
STEPS, SYMBOLS, NUM_EXAMPLES = 200, 10, 20_000
SECONDS = 90.0
COMMON = ("rnn", "lstm", "gru", "mingru", "indrnn", "xlstm", "hawk", "lru", "tcn")
RATES = {"rnn": 1e-3, "indrnn": 1e-3, "tcn": 2e-3, "transformer": 1e-3, "causal_transformer": 1e-3}


@dataclass(frozen=True)
class Puzzle:
    """One made task."""

    make: Callable[[np.random.Generator], Dataset]
    metric: str
    share: Callable[[float], float]  # of the metric of a model without memory that is left: 0 is solved
    models: tuple[str, ...]
    options: dict[str, Any]


def adding(generator: np.random.Generator) -> Dataset:
    """Numbers beside markers, two of them set, one in each half; the target is the sum of the marked two."""
    numbers = generator.random((NUM_EXAMPLES, STEPS), dtype=np.float32)
    markers, rows = np.zeros_like(numbers), np.arange(NUM_EXAMPLES)
    for half in (0, STEPS // 2):
        markers[rows, half + generator.integers(0, STEPS // 2, NUM_EXAMPLES)] = 1
    items = np.stack([numbers, markers], 2)
    targets = (numbers * markers).sum(1, keepdims=True)
    return Dataset(name="adding", kind="series", items=items, targets=targets, target_columns=("sum",))


def copy(generator: np.random.Generator) -> Dataset:
    """Ten symbols of 1 to 8, two hundred zeroes, a nine, and the ten symbols again."""
    symbols = generator.integers(1, 9, (NUM_EXAMPLES, SYMBOLS))
    words = ["".join(map(str, row)) for row in symbols]
    texts = [f"{word}{'0' * STEPS}9{word}" for word in words]
    ids = [f"sequence {row}" for row in range(NUM_EXAMPLES)]
    return continued(Dataset(name="copy", kind="text", items=texts, ids=ids))


def share_of_copy(nats: float) -> float:
    """Of the nats of the copied symbols; those of the first ones, but for the very first, nobody can save."""
    asked = STEPS + 2 * SYMBOLS
    return (nats * asked - (SYMBOLS - 1) * math.log(8)) / (SYMBOLS * math.log(8))


PUZZLES = {
    "adding": Puzzle(adding, "rmse", lambda rmse: 6 * rmse**2, (*COMMON, "transformer"), {}),
    "copy": Puzzle(
        copy, "nats", share_of_copy, (*COMMON, "causal_transformer"), {"context": STEPS + 2 * SYMBOLS + 1}
    ),
}


def run(puzzle: Puzzle, model: str, seconds: float) -> dict[str, Any]:
    """Train one model and judge it."""
    recipe = {"learning_rate": RATES.get(model, 3e-3), "batch_size": 32}
    with tempfile.TemporaryDirectory() as folder:
        artifact = train(
            puzzle.make(np.random.default_rng(0)), model, folder=Path(folder) / "artifact",
            budget=f"{seconds:g}s", size="medium", recipe=recipe, data_options=puzzle.options,
        )  # fmt: skip
    value = artifact.card[f"test {puzzle.metric}"]
    return {puzzle.metric: value, "share": round(puzzle.share(value), 4), "seconds": seconds}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Both tasks as markdown."""
    lines = [
        "# Who remembers for 200 steps?\n",
        "`python benchmarks/memory.py`: every model at its medium size, trained on one core for the seconds "
        f"in the last column, {NUM_EXAMPLES:,} made sequences, one seed. What is left: the test error over "
        "that of a model without memory; 0 is solved, 1 has learnt nothing of it.\n",
        "| task | model | test | left | verdict | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for task, found in results.items():
        metric = PUZZLES[task].metric
        for model, row in sorted(found.items(), key=lambda item: item[1]["share"]):
            verdict = "solved" if row["share"] < 0.05 else "partly" if row["share"] < 0.8 else "not"
            lines.append(
                f"| {task} | {model} | {metric} {row[metric]:.4f} | {max(row['share'], 0):.2f} | {verdict} "
                f"| {row['seconds']:g} |"
            )
    return "\n".join(lines) + "\n"


def main(seconds: float, tasks: list[str], models: list[str]) -> None:
    """Run the tasks and write the results as they come."""
    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for task in tasks or PUZZLES:
        for model in models or PUZZLES[task].models:
            found = run(PUZZLES[task], model, seconds)
            print(task, model, found, flush=True)
            results.setdefault(task, {})[model] = found
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            (HERE / "memory.md").write_text(table(results))


if __name__ == "__main__":
    words = sys.argv[1:]
    given = float(words.pop(0)) if words and words[0].replace(".", "").isdigit() else SECONDS
    main(given, [word for word in words if word in PUZZLES], [word for word in words if word not in PUZZLES])
