"""Where a trained model goes: a folder of its own, which no other run writes into."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from bicameral.training.distributed import is_first


@contextmanager
def claimed(runs: Path, name: str) -> Iterator[Path]:
    """The first of NAME, NAME-2, NAME-3, ... that holds nothing yet and that no other process trains into.

    A killed run left nothing under its name but a checkpoint, so the same call gets the same folder again.
    """
    runs.mkdir(parents=True, exist_ok=True)
    folders = (runs / (name if number == 1 else f"{name}-{number}") for number in count(1))
    if not is_first():  # the first rank holds the lock for all
        yield next(folder for folder in folders if not _is_taken(folder))
        return
    folder, lock = next((folder, lock) for folder in folders if (lock := _locked(folder)) is not None)
    try:
        yield folder
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # where nothing came of it
            runs.rmdir()


def _locked(folder: Path) -> FileLock | None:
    """The lock on a folder that is still free, or None."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), blocking=False)
    if _is_taken(folder):
        return None
    try:
        lock.acquire()
    except Timeout:
        return None
    if _is_taken(folder):  # by who held the lock a moment ago
        lock.release()
        return None
    return lock


def _is_taken(folder: Path) -> bool:
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))
