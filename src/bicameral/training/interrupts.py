"""Ctrl-C and SIGTERM: finish the step, save, then stop; a second one stops at once."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Whether somebody asked the run to stop."""

    requested = False


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the first signal into a request during the block; only the main thread can do so."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in SIGNALS}

    def ask(_number: int, _frame: object) -> None:
        interrupt.requested = True
        _install(before)

    try:
        for number in SIGNALS:
            signal.signal(number, ask)
        yield interrupt
    finally:
        _install(before)


def _install(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
