"""Is a network ever called better than itself? One LeNet-5 under six names, compared as six models.

    python benchmarks/same.py [--studies 3] [--steps 40] [option=value ...]

Options are those of `bicameral.compare`. Only the initial weights tell the six apart. A pair is false where
one name is called better or worse than another. Artifacts are not measured: another process knows no twins.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import yaml
from sklearn.datasets import load_digits

import bicameral
from bicameral import registry
from bicameral.models.lenet5 import LeNet5, LeNet5Config
from bicameral.studies.run import stages

NAMES = tuple(f"twin_{letter}" for letter in "abcdef")
FAMILIES = ("convolutional", "recurrent", "hybrid", "attention", "convolutional", "baseline")
TOLD = {"better", "worse"}


def register_twins() -> None:
    """Put the six names into the registry."""
    for number, (name, family) in enumerate(zip(NAMES, FAMILIES, strict=True)):
        known: Any = {"config": LeNet5Config, "family": family, "reads": "map", "gives": "vector"}
        known["sizes"] = registry.entry("lenet5").sizes
        registry.model(name, paper="https://doi.org/10.1109/5.726791", **known)(_twin(number))


def _twin(number: int) -> type:
    class Twin(LeNet5):
        def __init__(self, shape: tuple[int, ...], config: LeNet5Config):
            torch.rand(number + 1)  # other weights than the other names
            super().__init__(shape, config)

    Twin.__qualname__ = f"Twin{number}"
    return Twin


def study(seed: int, steps: int, runs: Path, **options: Any) -> dict[str, Any]:
    """Compare the six names once, and count what was said of them."""
    images, classes = load_digits(return_X_y=True)
    done = bicameral.compare(
        ((images.reshape(-1, 1, 8, 8) * 15).astype("uint8"), classes),
        folder=runs,
        name=f"seed-{seed}",
        budget=f"{steps}steps",
        models=list(NAMES),
        seed=seed,
        **{"probe_seconds": 0, **options},
    )
    return counted(done.results)


def counted(results: dict[str, Any]) -> dict[str, Any]:
    """Pairs, how many are told apart, the largest difference, and the first sentence."""
    pairs = results["pairs"]
    false = [pair for pair in pairs if pair["verdict"] in TOLD]
    return {
        "pairs": len(pairs),
        "false": len(false),
        "excludes_zero": sum(
            pair["low"] is not None and not pair["low"] <= 0 <= pair["high"] for pair in pairs
        ),
        "verdicts": dict(Counter(pair["verdict"] for pair in pairs)),
        "widest": max(abs(pair["difference"] or 0.0) for pair in pairs),
        "sentence": results["verdict"]["sentence"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--studies", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("options", nargs="*")
    asked = parser.parse_args()
    options = {key: yaml.safe_load(value) for key, value in (item.split("=", 1) for item in asked.options)}
    register_twins()
    stages.measure = lambda *_: {}
    with tempfile.TemporaryDirectory() as runs:
        found = [study(seed, asked.steps, Path(runs), **options) for seed in range(asked.studies)]
    for seed, one in enumerate(found):
        print(f"seed {seed}: {json.dumps(one)}")
    false, pairs = (sum(one[key] for one in found) for key in ("false", "pairs"))
    print(f"{false} of {pairs} pairs called different ({100 * false / pairs:.0f} %), {asked.steps} steps")


if __name__ == "__main__":
    main()
