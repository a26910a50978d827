"""Seconds spent, and those booked beside them."""

import pytest

from bicameral.training import clock
from bicameral.training.clock import Clock


@pytest.fixture
def time(monkeypatch):
    """A time that passes only when told to."""
    now = [100.0]
    monkeypatch.setattr(clock, "perf_counter", lambda: now[0])
    return now


def test_what_is_booked_aside_does_not_count(time):
    watch = Clock(already=5.0)
    time[0] += 2
    with watch.aside() as cost:
        time[0] += 7
    time[0] += 1
    assert watch.seconds() == 8
    assert cost == [7]


def test_waiting_for_batches_does_not_count(time):
    def slow():
        for number in range(3):
            time[0] += 10
            yield number

    watch, seen = Clock(), []
    for batch, waited in watch.waiting(slow()):
        seen.append((batch, waited))
        time[0] += 1
    assert seen == [(0, 10), (1, 10), (2, 10)]
    assert watch.seconds() == 3
