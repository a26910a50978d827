"""Whole comparisons on real data: do they keep their budget, and say the same with another seed?

    python benchmarks/comparisons.py ../shared/data [case ...]

Runs `bicameral compare` as anybody would, with two seeds a case (an hour of pixels with one), and writes
benchmarks/results/comparisons.json and benchmarks/comparisons.md.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "comparisons.json"


@dataclass(frozen=True)
class Case:
    """One question."""

    source: str
    budget: int  # seconds
    options: list[str] = field(default_factory=list)
    models: tuple[str, ...] = ()  # the menu of the kind where empty
    seeds: tuple[int, ...] = (0, 1)


SIGGATE = ("siggate_lstm", "siggate_gru", "lstm", "gru", "linear")
ALL_CHAMBERS = ("lstm", "gru", "mingru", "hawk", "lru", "tcn", "fcn", "cnn_gru", "transformer", "linear")
CASES = {
    "mnist-2000": Case("mnist2000.npz", 120),
    "fsdd": Case("fsdd/recordings", 150, [r"pattern=(?P<label>\d)_(?P<group>\w+)_\d+\.wav"]),
    "trec": Case("trec", 120),
    "japanese-vowels": Case("uea_a/JapaneseVowels", 90),
    "etth1": Case("etth1/ETTh1.csv", 120, ["horizon=24", "lookback=96"]),
    "utd-clips": Case("utd_mhad_a", 240),
    "sequential-mnist-2000": Case("pixels2000.npz", 3300, models=ALL_CHAMBERS, seeds=(0,)),
    "siggate-japanese-vowels": Case("uea_a/JapaneseVowels", 180, models=SIGGATE),
    "siggate-italy-power": Case("ucr_a/ItalyPowerDemand", 180, models=SIGGATE),
    "siggate-synthetic-control": Case("ucr_a/SyntheticControl", 180, models=SIGGATE),
}


def materials(data: Path, folder: Path) -> None:
    """What a user would have made of the raw files.

    2,000 digits, as pictures and pixel after pixel, and the two files of TREC in one folder.
    """
    from bicameral.data.read import read

    mnist = read(data / "mnist")
    rows = np.random.default_rng(0).permutation(60_000)[:2000]
    pictures = np.stack([mnist.items[int(row)] for row in rows])
    labels = mnist.targets[rows]
    np.savez(folder / "mnist2000.npz", X=pictures, y=labels)
    pixels = (pictures.reshape(2000, 784, 1) / 255).astype("float32")
    np.savez(folder / "pixels2000.npz", X=pixels, y=labels)
    (folder / "trec").mkdir()
    for part in ("train", "test"):
        shutil.copy(data / "text_classification" / f"trec_{part}.tsv", folder / "trec" / f"{part}.tsv")


def run(name: str, data: Path, made: Path) -> dict[str, Any]:
    """Run a case under each seed."""
    case = CASES[name]
    source = made / case.source if (made / case.source).exists() else data / case.source
    found = [_compare(case, source, seed, made) for seed in case.seeds]
    return {"budget": case.budget, "runs": found, "contradictions": contradictions(found)}


def _compare(case: Case, source: Path, seed: int, folder: Path) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "bicameral", "compare", str(source), *case.options,
        "--budget", f"{case.budget}s", "--seed", str(seed), "--runs", str(folder), "--override-audit",
        "--json", *(["--models", ",".join(case.models)] if case.models else []),
    ]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    results = json.loads(done.stdout)
    pairs = {f"{p['a']} {p['b']}": p["verdict"] for p in results["pairs"]}
    booked, trained = (results["provenance"][key] for key in ("wall_seconds", "training_seconds"))
    return {
        "seed": seed, "wall": round(wall, 1), "booked": round(booked, 1), "training": round(trained, 1),
        "load": round(os.getloadavg()[0], 1),
        "sentence": results["verdict"]["sentence"], "caveats": results["verdict"]["caveats"], "pairs": pairs,
        "leaderboard": {row["name"]: row["metric_mean"] for row in results["leaderboard"]},
    }  # fmt: skip


def contradictions(found: list[dict[str, Any]]) -> list[str]:
    """Pairs on which two seeds are sure of different things."""
    flipped = {"better": "worse", "worse": "better"}
    sure: dict[tuple[str, ...], set[str]] = {}
    for one in found:
        for pair, verdict in one["pairs"].items():
            a, b = pair.split()
            seen = verdict if a < b else flipped.get(verdict, verdict)
            sure.setdefault(tuple(sorted((a, b))), set()).add(seen)
    return [" / ".join(pair) for pair, verdicts in sure.items() if len(verdicts - {"undecided"}) > 1]


def table(results: dict[str, Any]) -> str:
    """All cases as markdown."""
    lines = [
        "# Whole comparisons on real data\n",
        "`python benchmarks/comparisons.py ../shared/data`: `bicameral compare` on one core, a run a seed. "
        "Wall time counts everything, from the start of Python to the report. A contradiction is a pair of "
        "models on which two seeds are sure of different things. A load above 1 says that other work shared "
        "the two cores.\n",
        "| case | budget s | wall s | over budget | load | contradictions | verdicts |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in results.items():
        walls = ", ".join(f"{one['wall']:.0f}" for one in row["runs"])
        over = max(one["wall"] / row["budget"] - 1 for one in row["runs"])
        verdicts = "<br>".join(f"seed {one['seed']}: {one['sentence']}" for one in row["runs"])
        loads = ", ".join(str(one["load"]) for one in row["runs"])
        clash = ", ".join(row["contradictions"]) or "none"
        lines.append(f"| {name} | {row['budget']} | {walls} | {over:+.0%} | {loads} | {clash} | {verdicts} |")
    return "\n".join(lines) + "\n"


def main(data: Path, names: list[str]) -> None:
    """Run the named cases, or all."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as made:
        materials(data, Path(made))
        for name in names or CASES:
            print(name, flush=True)
            results[name] = run(name, data.resolve(), Path(made))
            for one in results[name]["runs"]:
                print(f"    {one['wall']} s: {one['sentence']}", flush=True)
            RESULTS.parent.mkdir(exist_ok=True)
            ordered = {key: results[key] for key in CASES if key in results}
            RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")
            (HERE / "comparisons.md").write_text(table(ordered))


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    if folder.is_dir():
        main(folder, sys.argv[2:])
    else:
        print(f"nothing to run: no data sets in {folder}")
