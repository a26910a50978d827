"""What a column is for, by the name that people give it."""

import re
from collections.abc import Sequence

from bicameral.data.read.tables.table import Table
from bicameral.errors import DataError, nearest

FILE = ("file", "filename", "file_name", "path", "image", "audio", "clip", "id")
LABEL = ("label", "labels", "class", "category", "sentiment", "intent", "target", "y")
GROUP = ("group", "groups", "subject", "speaker", "patient", "participant")
SPLIT = ("split", "part", "subset", "partition")
TEXT = ("text", "sentence", "review", "comment", "content", "message", "question", "document", "utterance")
TIME = ("ds", "date", "time", "timestamp", "datetime", "date_time")
ID = ("unique_id", "series_id", "case_id", "sample_id", "id", "series")
VALUE = ("y", "target", "value")
FEATURES = (
    "f",
    "feat",
    "feature",
    "x",
    "var",
    "attribute",
    "attr",
    "pc",
    "dim",
    "emb",
    "embedding",
)  # numbered


def pick(table: Table, names: Sequence[str], asked: str | None) -> str | None:
    """Return the column asked for, else the first that bears one of the usual names, else None."""
    if asked is not None:
        if asked not in table.columns:
            raise DataError(f"{table.name} has no column called {asked!r}{nearest(asked, table.columns)}")
        return asked
    lower = {column.strip().lower(): column for column in table.columns}
    return next((lower[name] for name in names if name in lower), None)


def are_features(columns: Sequence[str]) -> bool:
    """Return whether columns have names of their own; steps of a series are numbered."""
    hits = [re.fullmatch(r"(.*?)[ _.-]?(\d+)", column.strip()) for column in columns]
    numbered = [(hit[1].lower(), int(hit[2])) for hit in hits if hit]
    if 2 * len(numbered) <= len(columns):
        return True
    return all(stem in FEATURES for stem, _ in numbered)


def repeating_id(table: Table) -> str | None:
    """Return the column that names the series of each row: an id that repeats, else it numbers the rows."""
    ending = (name for name in table.columns if name.lower().endswith("_id"))
    column = pick(table, ID, None) or next(ending, None)
    return column if column and len(set(table.columns[column])) * 2 <= len(table) else None
