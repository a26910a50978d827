"""groups.csv and split.csv beside the data: who belongs together, and which part is whose."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.matching import match
from bicameral.data.parts import published
from bicameral.data.tables import Table, read_table
from bicameral.data.tree import Blob, blob_of
from bicameral.errors import DataError

LAST_NUMBER = re.compile(r"\d+$")


def beside(path: Path) -> dict[str, Blob]:
    """Return the sidecars in a folder, or in the folder of a file."""
    folder = path if path.is_dir() else path.parent
    found = {name: folder / f"{name}.csv" for name in ("groups", "split")}
    return {name: blob_of(file) for name, file in found.items() if file.is_file() and file != path}


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
        if row is not None:
            values[row] = cell
        elif table.columns[key][line] not in quarantined:
            faults.append(Fault(table.where(line), f"{table.columns[key][line]!r} is not in the data"))
    _complete(values, blob.name, wanted, dataset.ids)
    return [values[row] for row in range(len(dataset))], faults


def _rows(table: Table, key: str, dataset: Dataset) -> list[int | None]:
    if key != "row":
        return match(table.columns[key], dataset.ids)
    places = _places(dataset)
    return [places.get(int(cell)) if cell.strip().isdigit() else None for cell in table.columns[key]]


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
