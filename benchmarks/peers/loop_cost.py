"""Seconds a step of the bare loop and of other trainers: run by `loop_cost.py`, with a peer's own Python."""

import functools
import importlib.metadata
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import nn

ROWS, STEPS, FRAMES, WIDTH, CLASSES, BATCH = 2048, 28, 28, 64, 10, 32
SHORT, LONG = 64, 320  # optimiser steps of the two runs whose difference is measured: start-up cancels


class Reader(nn.Module):
    """LSTM-64 over 28 frames of 28 numbers."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(FRAMES, WIDTH, batch_first=True), nn.Linear(WIDTH, CLASSES)

    def forward(self, x, _lengths=None):
        return self.head(self.lstm(x)[0][:, -1])


def make_data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, STEPS, FRAMES, generator=generator)
    return x, torch.randint(CLASSES, (ROWS,), generator=generator)


def bare(steps: int) -> None:
    x, y = make_data()
    network = Reader()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)
    for _ in range(steps * BATCH // ROWS):
        for rows in torch.randperm(ROWS).split(BATCH):
            loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()


def lightning(steps: int, *, loader: bool) -> None:
    import lightning as pl

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = Reader()

        def training_step(self, batch, _):
            return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), 1e-3, fused=True)

    x, y = make_data()
    dataset = torch.utils.data.TensorDataset(x, y)
    ready = ((x[rows], y[rows]) for rows in torch.randperm(ROWS).repeat(99).split(BATCH))
    batches = torch.utils.data.DataLoader(dataset, BATCH, shuffle=True) if loader else ready
    extras = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = pl.Trainer(max_steps=steps, max_epochs=-1, accelerator="cpu", **dict.fromkeys(extras, False))
    trainer.fit(Module(), batches)


def skorch(steps: int) -> None:
    from skorch import NeuralNetClassifier

    x, y = make_data()
    net = NeuralNetClassifier(
        Reader,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=1e-3,
        batch_size=BATCH,
        max_epochs=steps * BATCH // ROWS,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.fit(x, y)


def fastai(steps: int) -> None:
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    dataset = list(zip(*make_data(), strict=True))
    loaders = DataLoaders(DataLoader(dataset, bs=BATCH, shuffle=True), DataLoader(dataset[:BATCH], bs=BATCH))
    optimizer = functools.partial(OptimWrapper, opt=torch.optim.AdamW, fused=True)
    learner = Learner(loaders, Reader(), loss_func=nn.CrossEntropyLoss(), opt_func=optimizer)
    with learner.no_logging():
        learner.fit(steps * BATCH // ROWS, 1e-3)


PEERS: dict[str, Callable[[int], None]] = {
    "lightning": lambda steps: lightning(steps, loader=True),
    "lightning, batches ready": lambda steps: lightning(steps, loader=False),
    "skorch": skorch,
    "fastai": fastai,
}


def seconds_a_step(run: Callable[[int], None]) -> float:
    """Processor time of a long run less that of a short one, a step; neighbours hardly touch it."""
    times = []
    for steps in (SHORT, LONG):
        begin = time.process_time()
        run(steps)
        times.append(time.process_time() - begin)
    return (times[1] - times[0]) / (LONG - SHORT)


def interleave(runs: dict[str, Callable[[int], None]], repeats: int) -> dict[str, list[float]]:
    """Measure all in turns, so that a drift of the machine hits all alike; the first turn warms up."""
    turns = [{name: seconds_a_step(run) for name, run in runs.items()} for _ in range(repeats + 1)]
    return {name: [turn[name] for turn in turns[1:]] for name in runs}


def main(repeats: int) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    able, unable = {"bare": bare}, {}
    for name, run in PEERS.items():
        try:
            run(SHORT)
            able[name] = run
        except Exception as error:
            unable[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    packages = {"torch", *(name.split(",")[0] for name in able)} - {"bare"}
    versions = {name: importlib.metadata.version(name) for name in sorted(packages)}
    print(json.dumps({"seconds": interleave(able, repeats), "unable": unable, "versions": versions}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
