"""A run that is killed and taken up equals the run that never was, bit for bit."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace

import pytest
import torch

from bicameral.data.batches.prepared import Prepared
from bicameral.errors import ConfigError
from bicameral.training import Budget, Recipe, checkpoint, fit

RECIPE = Recipe(batch_size=9, augment=True, ema=0.9, fresh_batchnorm=True, learning_rate=0.05)
BUDGET = Budget(epochs=3)  # of five steps


class PowerCutError(Exception):
    """Stands for whatever ends a process."""


def cut_at(network, call):
    """Make the network fail when it is called for training the `call`-th time."""
    calls = iter(range(call))

    def count(module, _):
        if module.training and next(calls, None) is None:
            raise PowerCutError

    network.register_forward_pre_hook(count)
    return network


def curves(history):
    return [(p.step, p.loss, p.score) for p in (*history.train, *history.val)], history.best_step


@pytest.fixture
def uncut(network, task, train, val):
    fitted = network()
    return fitted, fit(fitted, task, train, val, recipe=RECIPE, budget=BUDGET, seed=5)


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_cut_at_every_step(network, task, train, val, numbers, tmp_path, optimizer):
    recipe, whole = replace(RECIPE, optimizer=optimizer), network()
    expected = fit(whole, task, train, val, recipe=recipe, budget=BUDGET, seed=5)
    run = {"recipe": recipe, "budget": BUDGET, "seed": 5, "folder": tmp_path, "checkpoint_every": 0.0}
    for _ in range(expected.steps - 1):
        with pytest.raises(PowerCutError):
            fit(cut_at(network(), 1), task, train, val, **run)
    fitted = network()
    history = fit(fitted, task, train, val, **run)
    assert torch.equal(numbers(fitted), numbers(whole))
    assert curves(history) == curves(expected)
    assert history.resumed == expected.steps - 1


def test_cut_between_checkpoints(network, task, train, val, numbers, tmp_path, uncut, monkeypatch):
    """Steps after the last checkpoint are lost, and taken again in the same way."""
    run = {"recipe": RECIPE, "budget": BUDGET, "seed": 5, "folder": tmp_path}
    clock = iter(range(10**6))
    monkeypatch.setattr("bicameral.training.resuming.perf_counter", lambda: float(next(clock)))
    for call in (6, 5, 6):  # every fourth step is kept
        with pytest.raises(PowerCutError):
            fit(cut_at(network(), call), task, train, val, checkpoint_every=4.0, **run)
    fitted = network()
    history = fit(fitted, task, train, val, checkpoint_every=4.0, **run)
    assert torch.equal(numbers(fitted), numbers(uncut[0]))
    assert curves(history) == curves(uncut[1])
    assert 0 < history.resumed <= 3


def kill_after_a_checkpoint(file, delay, target, args, kwargs):
    """Run in a process of its own, and kill it some time after it has written its next checkpoint."""
    before = file.stat().st_mtime_ns if file.exists() else None
    process = multiprocessing.get_context("fork").Process(target=target, args=args, kwargs=kwargs)
    process.start()
    while process.is_alive() and (not file.exists() or file.stat().st_mtime_ns == before):
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_at_random_moments(network, task, train, val, numbers, tmp_path):
    run = {"recipe": RECIPE, "budget": Budget(epochs=20), "seed": 5}
    whole, fitted = network(), network()
    expected = fit(whole, task, train, val, **run)
    run |= {"folder": tmp_path, "checkpoint_every": 0.0}
    dice, file = random.Random(0), tmp_path / checkpoint.FILE
    kills = [
        kill_after_a_checkpoint(file, 0.02 * dice.random(), fit, (network(), task, train, val), run)
        for _ in range(5)
    ]
    assert sum(kills) >= 2
    history = fit(fitted, task, train, val, **run)
    assert torch.equal(numbers(fitted), numbers(whole))
    assert curves(history) == curves(expected)
    assert history.resumed >= 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_saves_first(network, task, train, val, numbers, tmp_path, uncut, number):
    asked = network()
    calls = iter(range(4))
    asked.register_forward_pre_hook(
        lambda module, _: (next(calls, None) == 3 and os.kill(os.getpid(), number)) or None
    )
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt, match="run again to go on from"):
        fit(asked, task, train, val, recipe=RECIPE, budget=BUDGET, seed=5, folder=tmp_path)
    assert signal.getsignal(number) is before
    fitted = network()
    history = fit(fitted, task, train, val, recipe=RECIPE, budget=BUDGET, seed=5, folder=tmp_path)
    assert history.resumed == 1
    assert torch.equal(numbers(fitted), numbers(uncut[0]))


def test_a_finished_run_is_not_run_again(network, task, train, val, numbers, tmp_path):
    run = {"recipe": RECIPE, "budget": BUDGET, "seed": 5, "folder": tmp_path}
    first = network()
    history = fit(first, task, train, val, **run)
    again = cut_at(network(), 0)
    assert curves(fit(again, task, train, val, **run)) == curves(history)
    assert torch.equal(numbers(first), numbers(again))


def test_another_run_is_refused(network, task, train, val, tmp_path):
    fit(network(), task, train, val, recipe=RECIPE, budget=BUDGET, seed=5, folder=tmp_path)
    other = replace(RECIPE, learning_rate=0.1)
    with pytest.raises(ConfigError, match=f"learning_rate was 0.05 and is now 0.1; .*{checkpoint.FILE}"):
        fit(network(), task, train, val, recipe=other, budget=BUDGET, seed=5, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"network was .* and is now"):
        fit(network(width=9), task, train, val, recipe=RECIPE, budget=BUDGET, seed=5, folder=tmp_path)


def test_other_data_of_the_same_size_are_refused(network, task, train, val, tmp_path):
    fit(network(), task, train, val, recipe=RECIPE, budget=BUDGET, seed=5, folder=tmp_path)
    values = [item + 0 for item in train.dataset.items]
    run = {"recipe": RECIPE, "budget": BUDGET, "seed": 5, "folder": tmp_path}
    copied = Prepared(replace(train.dataset, items=values), train.preprocessing)
    assert fit(network(), task, copied, val, **run).resumed
    values[7][3, 1] += 1e-3
    other = Prepared(replace(train.dataset, items=values), train.preprocessing)
    with pytest.raises(ConfigError, match=r"another run: the training data was '.*' and is now '.*'"):
        fit(network(), task, other, val, **run)
