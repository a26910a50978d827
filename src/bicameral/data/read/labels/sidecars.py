"""groups.csv and split.csv beside the data: who belongs together, and which part is whose."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.read.files import Blob, blob_of
from bicameral.data.read.labels.matching import match
from bicameral.data.read.labels.parts import published
from bicameral.data.read.tables.table import Table, read_table
from bicameral.errors import DataError

CHOSEN = {"groups": "groups", "split": "splits"}  # the sidecar and the option that names another file for it
LAST_NUMBER = re.compile(r"\d+$")


def among(files: Sequence[Blob]) -> dict[str, Blob]:
    """Return the sidecars among the files of a folder or zip."""
    names = {f"{name}.csv": name for name in CHOSEN}
    return {names[blob.name]: blob for blob in files if blob.name in names}


def beside(path: Path) -> dict[str, Blob]:
    """Return the sidecars in the folder of a file."""
    found = {name: path.parent / f"{name}.csv" for name in CHOSEN}
    return {name: blob_of(file) for name, file in found.items() if file.is_file() and file != path}


def chosen(path: Path, options: Mapping[str, Any]) -> dict[str, Blob]:
    """Return the sidecars that are named in groups= and splits=, beside the data or by their whole path."""
    folder = path if path.is_dir() else path.parent
    found = {}
    for name, option in CHOSEN.items():
        if written := options.get(option):
            file = next((place for place in (folder / written, Path(written)) if place.is_file()), None)
            if file is None:
                raise DataError(f"{option}={str(written)!r} names a file that is not there")
            found[name] = blob_of(file)
    return found


def apply(dataset: Dataset, sidecars: dict[str, Blob]) -> Dataset:
    """Put the groups and the split of the sidecars into the dataset; they win over what it brought."""
    faults: list[Fault] = []
    groups, split = dataset.groups, dataset.split
    if "groups" in sidecars:
        cells, faults = _aligned(sidecars["groups"], "group", dataset)
        groups = np.array(cells)
    if "split" in sidecars:
        cells, more = _aligned(sidecars["split"], "split", dataset)
        split, faults = published(cells, "split.csv"), faults + more
    return replace(dataset, groups=groups, split=split, faults=(*dataset.faults, *faults))


def _aligned(blob: Blob, wanted: str, dataset: Dataset) -> tuple[list[str], list[Fault]]:
    table = read_table(blob, header=True)
    key = next((name for name in ("file", "row", "id") if name in table.columns), None)
    if key is None or wanted not in table.columns:
        raise DataError(f"{blob.name} has the columns {table.seen}; expected file,{wanted} or row,{wanted}")
    rows = _rows(table, key, dataset)
    quarantined = {fault.where for fault in dataset.faults}
    values: dict[int, str] = {}
    faults = list(table.faults)
    for line, (row, cell) in enumerate(zip(rows, table.columns[wanted], strict=True)):
        if row is not None and values.setdefault(row, cell) != cell:
            key_cell = table.columns[key][line]
            raise DataError(
                f"{table.where(line)} gives {key_cell!r} the {wanted} {cell!r}, and {values[row]!r} before"
            )
        if row is not None:
            continue
        if table.columns[key][line] not in quarantined:
            faults.append(Fault(table.where(line), f"{table.columns[key][line]!r} is not in the data"))
    _complete(values, blob.name, wanted, dataset.ids)
    return [values[row] for row in range(len(dataset))], faults


def _rows(table: Table, key: str, dataset: Dataset) -> list[int | None]:
    if key != "row":
        return match(table.columns[key], dataset.ids)
    places = _places(dataset)
    return [places.get(int(cell)) if cell.strip().isdecimal() else None for cell in table.columns[key]]


def _places(dataset: Dataset) -> dict[int, int]:
    """Map row numbers of the source, counted from 0 with the quarantined rows, to rows of the dataset."""
    line = {key: int(key[hit.start() :]) for key in dataset.ids if (hit := LAST_NUMBER.search(key))}
    lost = {int(hit[0]) for fault in dataset.faults if (hit := LAST_NUMBER.search(fault.where))}
    rank = {number: place for place, number in enumerate(sorted(lost | set(line.values())))}
    return {rank[line[key]]: row for row, key in enumerate(dataset.ids) if key in line}


def _complete(values: dict[int, str], name: str, wanted: str, ids: Sequence[str]) -> None:
    missing = [key for row, key in enumerate(ids) if not values.get(row)]
    if missing:
        raise DataError(
            f"{name} gives no {wanted} for {len(missing)} of {len(ids)} examples, {missing[0]!r} among them; "
            "list every example"
        )
