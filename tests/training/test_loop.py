"""The loop against loops written by hand, and its ways to end."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bicameral.data.batches.loader import batches
from bicameral.data.batches.prepared import Prepared
from bicameral.training import Budget, Recipe, clock, derive, fit, seeded
from bicameral.training.validation import evaluate

PLAIN = Recipe(schedule="constant", warmup=0.0, clip=None, weight_decay=0.0, batch_size=9, restore_best=False)


def by_hand(network, train, steps, decay=None):
    """AdamW as anybody would write it; with `decay`, return the moving average of the weights."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0, fused=True)
    mean = nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    with seeded(derive(3, "dropout", 0)):
        for step in range(steps):
            epoch, number = divmod(step, 5)
            batch = list(batches(train, 9, seed=derive(3, "order"), epoch=epoch))[number]
            network.norm.train(len(batch.index) > 1)
            nn.functional.cross_entropy(network(batch.x), batch.y).backward()
            optimizer.step()
            optimizer.zero_grad()
            live = nn.utils.parameters_to_vector(network.parameters()).detach()
            mean += (1 - min(decay or 1, (2 + step) / (11 + step))) * (live - mean)
    return mean


def test_a_loop_by_hand_gives_the_same_weights_bit_for_bit(network, task, train, val, numbers):
    fitted, ours = network(), network()
    fit(fitted, task, train, val, recipe=PLAIN, budget=Budget(epochs=2), seed=3)
    by_hand(ours, train, 10)
    assert torch.equal(numbers(fitted), numbers(ours))


def test_the_moving_average_is_the_one_by_hand(network, task, train):
    fitted = network()
    fit(fitted, task, train, None, recipe=replace(PLAIN, ema=0.6), budget=Budget(steps=8), seed=3)
    mean = by_hand(network(), train, 8, decay=0.6)
    torch.testing.assert_close(nn.utils.parameters_to_vector(fitted.parameters()), mean)


@pytest.mark.parametrize(("seed", "same"), [(3, True), (4, False)])
def test_the_seed_decides_every_bit(network, task, train, val, numbers, seed, same):
    recipe = Recipe(batch_size=9, augment=True, ema=0.9, precision="bf16")
    ours, theirs = network(), network()
    fit(ours, task, train, val, recipe=recipe, budget=Budget(steps=7), seed=3)
    torch.rand(5)  # what happens outside must not matter
    fit(theirs, task, train, val, recipe=recipe, budget=Budget(steps=7), seed=seed)
    assert torch.equal(numbers(ours), numbers(theirs)) == same


def test_training_leaves_the_generator_outside_alone(network, task, train):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    fit(network(), task, train, None, recipe=PLAIN, budget=Budget(steps=2), seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_weights_are_left_and_it_learns(network, task, train, val):
    fitted = network()
    recipe = Recipe(batch_size=9, learning_rate=0.05, schedule="constant")
    history = fit(fitted, task, train, val, recipe=recipe, budget=Budget(epochs=30), seed=0)
    loss, score = evaluate(fitted, task, val)
    assert score == history.best_score == max(point.score for point in history.val) > 0.8
    assert loss == pytest.approx(next(point.loss for point in history.val if point.step == history.best_step))
    assert history.val[-1].step == history.steps == 150
    assert history.train[-1].loss < history.train[0].loss
    assert not fitted.training


def test_the_curve_is_the_mean_loss_since_its_last_point(network, task, train):
    fitted, losses = network(dropout=0.0), []
    plain_loss = task.loss
    object.__setattr__(task, "loss", lambda *a, **k: losses.append(plain_loss(*a, **k)) or losses[-1])
    history = fit(fitted, task, train, None, recipe=PLAIN, budget=Budget(steps=600), seed=0)
    steps = [0, *(point.step for point in history.train)]
    means = [torch.stack(losses[a:b]).mean().item() for a, b in itertools.pairwise(steps)]
    assert [point.loss for point in history.train] == pytest.approx(means, rel=1e-4)
    assert len(history.train) == 200


def test_patience_ends_a_run_that_does_not_improve(network, task, train, val):
    recipe = Recipe(batch_size=9, learning_rate=1e-12, patience=3)
    history = fit(network(), task, train, val, recipe=recipe, budget=Budget(steps=4000), seed=0)
    assert history.stopped_by == "patience"
    assert history.steps < 1000
    assert not history.failed


class Exploding(nn.Module):
    """Answers with what is no number from the 17th call in training on."""

    def __init__(self):
        super().__init__()
        self.head, self.calls = nn.Linear(15, 3), 0

    def forward(self, x, lengths=None):
        self.calls += self.training
        return self.head(x.flatten(1)) * (float("nan") if self.calls >= 17 else 1.0)


def test_a_diverged_run_fails_with_a_reason_and_keeps_its_best_weights(network, task, train, val):
    fitted = network(Exploding)
    history = fit(fitted, task, train, val, recipe=Recipe(batch_size=9), budget=Budget(steps=40), seed=0)
    assert history.failed
    assert history.stopped_by == "diverged"
    assert history.steps == 17
    assert "became nan within the 1 steps before step 17 at learning_rate=0.001" in history.reason
    assert torch.isfinite(nn.utils.parameters_to_vector(fitted.parameters())).all()


def test_a_budget_in_seconds_is_kept(network, task, train, val):
    history = fit(
        network(), task, train, val, recipe=Recipe(batch_size=9), budget=Budget(seconds=0.5), seed=0
    )
    assert 0.3 < history.seconds < 1
    assert history.steps > 20
    assert history.validation_seconds < 0.2 * history.seconds
    assert history.data_seconds > 0
    assert history.val


class Slow(nn.Module):
    """Takes seconds for a training step and for a validation, on a watch of its own."""

    step, validation, now = 10.0, 30.0, 0.0

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(15, 3)

    def forward(self, x, lengths=None):
        Slow.now += self.step if self.training else self.validation
        return self.head(x.flatten(1))


@pytest.fixture
def slow(network, monkeypatch):
    """Make a network of whose slowness only its own watch knows."""

    def make(step, validation):
        monkeypatch.setattr(Slow, "step", step)
        monkeypatch.setattr(Slow, "validation", validation)
        return network(Slow)

    monkeypatch.setattr(Slow, "now", 0.0)
    monkeypatch.setattr(clock, "perf_counter", lambda: Slow.now)
    return make


@pytest.mark.parametrize(
    ("step", "validation", "budget", "steps", "validations"),
    [
        (10.0, 30.0, 20.0, 2, 0),  # the only validation of a run that short would choose nothing
        (30.0, 30.0, 20.0, 1, 0),
        (1.0, 1.0, 100.0, 89, 11),
        (1.0, 9.0, 100.0, 82, 2),  # foreseen to cost one
        (1.0, 40.0, 100.0, 20, 2),
        (3.0, 0.0, 100.0, 33, 24),
    ],
)
def test_a_step_or_validation_that_would_not_fit_is_left_out(
    slow, task, train, val, step, validation, budget, steps, validations
):
    recipe, seconds = Recipe(batch_size=9), Budget(seconds=budget)
    history = fit(slow(step, validation), task, train, val, recipe=recipe, budget=seconds, seed=0)
    assert (history.steps, len(history.val)) == (steps, validations)
    assert history.seconds <= max(budget, step)
    assert history.stopped_by == "budget"


def test_the_rate_falls_to_zero_before_the_last_validation(slow, task, train, val):
    fitted, rates = slow(1.0, 9.0), []
    plain_step = torch.optim.AdamW.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.optim.AdamW,
            "step",
            lambda self, *a: rates.append(self.param_groups[0]["lr"]) or plain_step(self, *a),
        )
        fit(fitted, task, train, val, recipe=Recipe(batch_size=9), budget=Budget(seconds=100.0), seed=0)
    assert 0 < rates[-1] < 1e-5


def test_validation_takes_a_bounded_share_of_the_steps(network, task, train, val):
    history = fit(network(), task, train, val, recipe=Recipe(batch_size=9), budget=Budget(steps=60), seed=0)
    # 30 examples cost about one step of 9, and nine times that are trained first.
    assert [point.step for point in history.val] == [10, 20, 30, 40, 50, 60]


def test_rare_classes_count_alike_when_balanced(network, task, val):
    first = val.dataset.targets == 0
    rare = val.dataset.subset(np.flatnonzero(~first | (np.cumsum(first) <= 4)))
    train = Prepared(rare, val.preprocessing)
    weights = np.bincount(rare.targets, minlength=3)
    expected = torch.tensor(len(rare) / (3 * weights), dtype=torch.float32)
    seen = []
    plain_loss = task.loss
    object.__setattr__(task, "loss", lambda *a, **k: seen.append(k["class_weights"]) or plain_loss(*a, **k))
    fit(
        network(),
        task,
        train,
        None,
        recipe=replace(PLAIN, class_weights="balanced"),
        budget=Budget(steps=1),
        seed=0,
    )
    torch.testing.assert_close(seen[0], expected)


def test_the_gradient_is_clipped_as_a_whole(network, task, train):
    fitted, start = network(), network()
    recipe = replace(PLAIN, optimizer="sgd", momentum=0.0, learning_rate=1.0, clip=0.01)
    fit(fitted, task, train, None, recipe=recipe, budget=Budget(steps=1), seed=0)
    vectors = [nn.utils.parameters_to_vector(one.parameters()) for one in (fitted, start)]
    assert (vectors[0] - vectors[1]).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_a_labelled_bar_changes_nothing(network, task, train, val, numbers):
    quiet, shown = network(), network()
    fit(quiet, task, train, val, recipe=PLAIN, budget=Budget(steps=6), seed=0)
    fit(shown, task, train, val, recipe=PLAIN, budget=Budget(steps=6), seed=0, progress="training")
    assert torch.equal(numbers(quiet), numbers(shown))
