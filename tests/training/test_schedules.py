"""Schedules against torch's, and at their ends."""

import pytest
import torch

from bicameral.training.schedules import schedule

NAMES = ["constant", "cosine", "linear", "one-cycle", "step"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_factors_stay_between_zero_and_one(name, warmup):
    factors = [schedule(name, warmup)(step / 100) for step in range(101)]
    assert min(factors) >= 0
    assert max(factors) == pytest.approx(1, abs=0.01)


def test_cosine_is_torchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for step in range(10):
        assert schedule("cosine", 0.0)(step / 10) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_one_cycle_is_torchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, 101, pct_start=31 / 101, cycle_momentum=False
    )
    for step in range(100):
        expected = theirs.get_last_lr()[0]
        assert schedule("one-cycle", 0.0)(step / 100) == pytest.approx(expected, abs=2e-4)
        optimizer.step()
        theirs.step()


def test_warmup_rises_in_a_straight_line_and_then_the_shape_begins():
    factor = schedule("cosine", 0.2)
    assert factor(0.05) == pytest.approx(0.25)
    assert factor(0.2) == pytest.approx(1)
    assert factor(1.0) == pytest.approx(0)
    assert schedule("step", 0.0)(0.6) == pytest.approx(0.1)
