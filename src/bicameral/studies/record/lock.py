"""One process at a time in the folder of a study."""

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bicameral.errors import StudyError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others out of the folder during the block.

    The system holds the lock, so that a killed process leaves none behind; the file says whose it is.
    """
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise StudyError(
                f"{folder} is in use by {holder}; wait until it has finished, or stop it"
            ) from None
        except OSError:  # a file system that knows no locks
            yield
            return
        with suppress(OSError):  # a full disk is for the ledger to name
            _write(file.fileno(), f"process {os.getpid()} on {platform.node()}\n")
        try:
            yield
        finally:
            _write(file.fileno(), "")


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, text.encode())
