"""Labels that stand in a table of their own, put beside the rows they belong to."""

from dataclasses import replace
from pathlib import Path

from bicameral.data.read.files import blob_of
from bicameral.data.read.labels.matching import match
from bicameral.data.read.tables.columns import GROUP, ID, LABEL, SPLIT, pick
from bicameral.data.read.tables.table import Table, read_table
from bicameral.errors import DataError


def join(
    table: Table,
    path: Path,
    *,
    id: str | None,  # noqa: A002  the word people use for the column
    target: str | None,
    group: str | None,
    split: str | None,
) -> Table:
    """Add the columns label, group and split of the table at `path`, matched by the id of each row."""
    if not path.is_file():
        raise DataError(f"there is no table of labels at {path}")
    labels = read_table(blob_of(path))
    found = {
        "label": pick(labels, LABEL, target),
        "group": pick(labels, GROUP, group),
        "split": pick(labels, SPLIT, split),
    }
    rows = _rows(table, labels, id)
    if found["label"] is None:
        raise DataError(f"{labels.name} has no column of labels; its columns are {labels.seen}; pass target=")
    added = {
        name: ["" if row is None else labels.columns[column][row] for row in rows]
        for name, column in found.items()
        if column
    }
    return replace(table, columns=table.columns | added)


def _rows(table: Table, labels: Table, asked: str | None) -> list[int | None]:
    """Return the row of the labels for each row of the table, by the column that both have."""
    shared = [column for column in table.columns if column in labels.columns]
    key = asked or next((column for column in (*ID, *shared) if column in shared), None)
    if key is None or key not in labels.columns or key not in table.columns:
        raise DataError(
            f"{table.name} ({table.seen}) and {labels.name} ({labels.seen}) share no column; pass id="
        )
    return match(table.columns[key], labels.columns[key])
