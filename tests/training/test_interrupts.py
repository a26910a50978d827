"""The first signal asks, the second one acts."""

import os
import signal
import threading

import pytest

from bicameral.training.interrupts import interruptible


def test_the_second_signal_stops_at_once():
    with interruptible() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_does_without():
    seen = []

    def work():
        with interruptible() as interrupt:
            seen.append(interrupt.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
