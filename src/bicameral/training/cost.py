"""What a network costs before it is trained: parameters, FLOPs of one example, seconds of one epoch."""

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Batch
from bicameral.tasks.answering import on, some_weight
from bicameral.tasks.network import Network
from bicameral.tasks.task import Task
from bicameral.training.budgets import Budget
from bicameral.training.learn import is_iterated
from bicameral.training.loop import fit
from bicameral.training.recipe import Recipe


def parameters(network: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def device_clock(device: str = "cpu") -> float:
    """Seconds of work: processor time, which no neighbour disturbs, or wall time on many threads or a GPU."""
    if device != "cpu":
        torch.accelerator.synchronize()
    alone = device == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def flops(network: nn.Module, batch: Batch) -> int:
    """Multiplications and additions of one forward pass, an example.

    Of matrix products and convolutions; our kernels tell how many are in them.
    """
    training = network.training
    network.eval()
    with (
        torch.no_grad(),  # under inference_mode the counter cannot see through weight normalisation
        FlopCounterMode(display=False) as counter,
    ):
        network(batch.x, batch.lengths)
    network.train(training)
    return counter.get_total_flops() // len(batch.x)


def seconds_per_epoch(
    network: Network, task: Task, train: Prepared, recipe: Recipe, *, at_least: float = 0.5
) -> float:
    """Seconds an epoch of training takes, waiting for data included, by a short run of a copy.

    Of what is not trained step by step: seconds of one pass over the data.
    """
    if not is_iterated(network):
        batch = train.batch(torch.arange(min(recipe.batch_size, len(train))))
        x, lengths = on(some_weight(network).device, batch)
        with torch.no_grad():
            seconds = seconds_per_call(lambda: network(x, lengths), at_least=at_least)
        return seconds / len(x) * len(train)
    plain = replace(recipe, compile=False, fresh_batchnorm=False)
    rehearse = partial(fit, copy.deepcopy(network), task, train, None, recipe=plain, seed=0)
    rehearse(budget=Budget(steps=1))  # warms caches and kernels
    history = rehearse(budget=Budget(seconds=at_least))
    return (history.seconds + history.data_seconds) / history.epochs


def seconds_per_call(call: Callable[[], Any], *, at_least: float = 0.2) -> float:
    """Mean seconds of a call after one warm-up, repeated for `at_least` seconds."""
    call()
    count, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < at_least or count == 0:
        call()
        count += 1
    return spent / count
