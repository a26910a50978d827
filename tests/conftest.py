"""Fixtures of the whole suite: shape checks switched on, one thread, the real data where it is."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

install_import_hook("bicameral", "typechecker.check")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a suite started in the background inherits it
    signal.signal(signal.SIGINT, signal.default_int_handler)
SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Return the folder of a real data set, or skip where it is not there."""

    def folder(name: str) -> Path:
        if not (SHARED / name).is_dir():
            pytest.skip(f"needs the data set {name!r} in {SHARED}, which is not on this machine")
        return SHARED / name

    return folder
