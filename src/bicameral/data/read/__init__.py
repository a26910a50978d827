"""`read`: one door for every layout of data that the package understands."""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from bicameral.data.dataset import Dataset, Kind
from bicameral.data.examples.segments import continued, is_continued
from bicameral.data.read.arrays import read_arrays
from bicameral.data.read.files import blob_of, blobs
from bicameral.data.read.folder import read_files, read_folder
from bicameral.data.read.frames import is_frame, table_of
from bicameral.data.read.in_memory import as_arrays
from bicameral.data.read.labels.parts import part_of
from bicameral.data.read.labels.sidecars import CHOSEN, among, apply, beside, chosen
from bicameral.data.read.labels.targets import Answer
from bicameral.data.read.limits import lifted
from bicameral.data.read.options import checked, checked_target
from bicameral.data.read.request import Request
from bicameral.data.read.tabular import read_table_as
from bicameral.errors import DataError, nearest

ANSWERS = (*get_args(Answer), "next")


def read(source: Any, /, *, kind: Kind | None = None, target: Any = None, **options: Any) -> Dataset:
    """Read a path, (X, y), a mapping of arrays, or {"train": path, "test": path}; a Dataset passes through.

    target   the column or array of what is to be predicted, where its name does not say so
    options  of the reader that the data calls for: labels, pattern, group, split, text, time, id, answer ...;
             answer="next" asks of texts, clips and frames of keys what comes next; limits=False lifts the
             bounds on what a single file or row may unfold to
    """
    if kind is not None and kind not in get_args(Kind):
        raise DataError(f"no kind called {kind!r}{nearest(str(kind), get_args(Kind))}")
    if isinstance(source, Dataset):
        return source
    if (answer := options.get("answer")) not in (None, *ANSWERS):
        raise DataError(f"answer cannot be {answer!r}{nearest(str(answer), ANSWERS)}")
    on_disk = isinstance(source, str | Path)
    request = Request(
        name="arrays", kind=kind, target=checked_target(target), options=checked(options, on_disk)
    )
    with lifted(request.options.get("limits") is False):
        request = request.without("limits")
        if answer == "next":
            return _ask_next(_read(source, request.to_continue()))
        return _read(source, request)


def _ask_next(dataset: Dataset) -> Dataset:
    return dataset if is_continued(dataset) else continued(dataset)


def _read(source: Any, request: Request) -> Dataset:
    if isinstance(source, str | Path):
        if not str(source) or "://" in str(source):
            raise DataError(f"{str(source)!r} is no path; expected a file or folder on this machine")
        return _read_path(Path(source).expanduser(), request)
    if is_frame(source):
        table, label = table_of(source)
        return read_table_as(replace(request, name=table.name, target=request.target or label), table)
    source = as_arrays(source)
    if isinstance(source, Mapping) and source and all(isinstance(x, str | Path) for x in source.values()):
        return _read_parts(source, request)
    return request.call(read_arrays, source)


def _read_path(path: Path, request: Request) -> Dataset:
    _exists(path)
    named = replace(request.without(*CHOSEN.values()), name=path.name or path.resolve().name)
    if path.is_dir() or (path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)):
        files, faults = blobs(path)
        sidecars = among(files) | chosen(path, request.options)
        return apply(
            read_folder(named, [blob for blob in files if blob not in sidecars.values()], faults), sidecars
        )
    return apply(read_files(named, {"": blob_of(path)}), beside(path) | chosen(path, request.options))


def _read_parts(source: Mapping[str, str | Path], request: Request) -> Dataset:
    paths = {part: Path(path).expanduser() for part, path in source.items()}
    for part, path in paths.items():
        if part_of(part) is None:
            raise DataError(f"{part!r} is no part; expected {{'train': path, 'val': path, 'test': path}}")
        _exists(path)
    name = " + ".join(path.name for path in paths.values())
    named = replace(request, name=name)
    return read_files(named, {part: blob_of(path) for part, path in paths.items()})


def _exists(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise DataError(f"the path {str(path)!a} is not UTF-8; rename the file or folder") from None
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(f"{path} is no regular file, but a pipe, socket or device; save it to a file first")
    if not path.exists():
        there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"there is nothing at {path}{nearest(path.name, there) if there else ''}")
