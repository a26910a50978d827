"""The files of a source, whether they lie in a folder or inside a zip, which is read in place."""

import gzip
import io
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from bicameral.data.dataset import Fault
from bicameral.data.read.limits import Limits, limits
from bicameral.errors import DataError

JUNK = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True, kw_only=True)
class Blob:
    """One file of a source; knows where its bytes are, and pickles as that."""

    name: str  # relative to the source, with "/"
    size: int
    modified: float  # seconds since 1970
    path: Path  # the file itself, or the zip that holds it
    member: str = ""  # its name inside the zip
    bounds: Limits = field(default_factory=limits, compare=False)  # of what it may unfold to

    @property
    def suffix(self) -> str:
        """Lower-case ending, the one under .gz where the file is packed."""
        pure = PurePosixPath(self.name.lower())
        return pure.with_suffix("").suffix if pure.suffix == ".gz" else pure.suffix

    @property
    def stem(self) -> str:
        """File name without folders and endings."""
        return bare(self.name)

    def read(self) -> bytes:
        """Return the bytes of the file, unpacked where it is a .gz."""
        try:
            data = self.packed()
            return self._unpacked(data) if self.name.lower().endswith(".gz") else data
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            raise DataError(f"{self.name} is broken or cannot be opened: {error}") from error

    def packed(self) -> bytes:
        """Return the bytes of the file as they lie on the disk."""
        if not self.member:
            return self.path.read_bytes()
        archive = _archive(self.path, os.getpid())
        info = archive.getinfo(self.member)
        self.bounds.check_unpacked(self.name, info.compress_size, info.file_size)
        return archive.read(self.member)

    def _unpacked(self, data: bytes) -> bytes:
        most = -1 if self.bounds.lifted else max(self.bounds.unpacked, self.bounds.ratio * len(data))
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            whole = file.read(most)
            rest = 0 if self.bounds.lifted else len(file.read(1))
        self.bounds.check_unpacked(self.name, len(data), len(whole) + rest)
        return whole


def bare(name: str) -> str:
    """File name without folders and endings, of `los_speed.csv.gz` both."""
    name = PurePosixPath(name).name
    return PurePosixPath(name[:-3] if name.lower().endswith(".gz") else name).stem


@lru_cache(maxsize=16)
def _archive(path: Path, process: int) -> zipfile.ZipFile:
    # one handle a process: forked workers would share, and move, one file position
    del process
    return zipfile.ZipFile(path)


def blobs(source: Path) -> tuple[list[Blob], list[Fault]]:
    """List every file of a folder, a zip or a folder of part zips (train.zip, test.zip), sorted by name."""
    found = list(_of_zip(source, "") if zipfile.is_zipfile(source) else _of_folder(source))
    faults = [blob for blob in found if isinstance(blob, Fault)]
    kept: list[Blob] = []
    for blob in found:
        if isinstance(blob, Blob) and hidden(blob.name):
            faults.append(Fault(blob.name, "hidden file"))
        elif isinstance(blob, Blob):
            kept.append(blob)
    return sorted(kept, key=lambda blob: blob.name), faults


def blob_of(path: Path) -> Blob:
    """Return the one file at `path`."""
    facts = path.stat()
    return Blob(name=path.name, size=facts.st_size, modified=facts.st_mtime, path=path)


def hidden(name: str) -> bool:
    """Return whether any step of the path is hidden or left behind by a file browser."""
    return any(step.startswith(".") or step.lower() in JUNK for step in name.split("/"))


def _of_folder(root: Path) -> Iterator[Blob | Fault]:
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError as error:
        raise DataError(f"{root} cannot be opened: {error.strerror}; check its permissions") from error
    failed: list[OSError] = []
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, onerror=failed.append, followlinks=True):
        folders[:] = [name for name in folders if _first_visit(os.path.join(folder, name), seen)]  # noqa: PTH118
        for name in files:
            yield from _of_file(Path(folder) / name, root)
    for error in failed:
        where = os.path.relpath(error.filename, root)
        yield Fault(where, f"folder cannot be opened: {error.strerror}")


def _first_visit(folder: str, seen: set[str]) -> bool:
    real = os.path.realpath(folder)
    if real in seen:
        return False
    seen.add(real)
    return True


def _of_file(path: Path, root: Path) -> Iterator[Blob | Fault]:
    name = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")
    try:
        facts = path.stat()
    except OSError as error:
        yield Fault(name, f"cannot be opened: {error.strerror}")
        return
    if not stat.S_ISREG(facts.st_mode):
        yield Fault(name, "no regular file, but a pipe, socket or device")
    elif path.parent == root and path.suffix.lower() == ".zip":
        yield from _of_zip(path, f"{path.stem}/")
    else:
        yield Blob(name=name, size=facts.st_size, modified=facts.st_mtime, path=path)


def _of_zip(path: Path, prefix: str) -> Iterator[Blob | Fault]:
    try:
        members = [info for info in _archive(path, os.getpid()).infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        yield Fault(path.name, f"broken zip: {error}")
        return
    for info in members:
        name = info.filename if info.filename.startswith(prefix) else prefix + info.filename
        stamp = time.mktime((*info.date_time, 0, 0, -1))
        yield Blob(name=name, size=info.file_size, modified=stamp, path=path, member=info.filename)
