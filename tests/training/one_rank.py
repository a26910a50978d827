"""One process of a run, as a user would write it: nothing here knows of the others."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.tasks import Classify
from bicameral.training import Budget, Recipe, fit, seeded


class Reader(nn.Module):
    """An LSTM and a head."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x, lengths=None):
        return self.head(self.lstm(x)[0][:, -1])


def prepare(count: int) -> Prepared:
    rng = np.random.default_rng(count)
    y = np.minimum(rng.integers(0, 4, count), 2)
    x = rng.normal(size=(count, 5, 3)).astype(np.float32)
    x[np.arange(count), :, y] += 1
    dataset = Dataset(name="made", kind="series", items=list(x), targets=y, classes=("a", "b", "c"))
    return Prepared(dataset, fit_preprocessing(dataset, np.arange(count)))


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with seeded(0):
        network = Reader()
    recipe = Recipe(
        batch_size=8,
        ema=0.8,
        learning_rate=0.01,
        parallel=os.environ["PARALLEL"],
        class_weights=os.environ.get("CLASS_WEIGHTS", "none"),
    )
    if "CUT" in os.environ:
        calls = iter(range(12))

        def cut(module: nn.Module, _: object) -> None:
            if module.training and next(calls, None) is None:
                os.kill(os.getpid(), signal.SIGINT)

        network.lstm.register_forward_pre_hook(cut)
    train, val = prepare(41), prepare(20)  # batches of 8 end with one example: a rank is left without
    task = Classify(classes=("a", "b", "c"))
    try:
        history = fit(
            network, task, train, val, recipe=recipe, budget=Budget(epochs=4), seed=1, folder=folder / "run"
        )
        record = {
            "losses": [point.loss for point in (*history.train, *history.val)],
            "resumed": history.resumed,
        }
    except KeyboardInterrupt:
        record = {}
    weights = nn.utils.parameters_to_vector(network.parameters()).tolist()
    rank = os.environ["RANK"]
    (folder / f"{rank}.json").write_text(json.dumps({**record, "weights": weights}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
