"""Texts: a table of labels and texts, one text file a class, or class folders of text files."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.read.assemble import assemble
from bicameral.data.read.files import Blob
from bicameral.data.read.labels.examples import Labels, examples
from bicameral.data.read.labels.parts import published
from bicameral.data.read.labels.targets import Answer, encode_cells, why_unlabelled
from bicameral.data.read.media import inspect
from bicameral.data.read.tables.columns import GROUP, LABEL, SPLIT, TEXT, pick
from bicameral.data.read.tables.numerals import is_number, numbers
from bicameral.data.read.tables.stamps import stamps
from bicameral.data.read.tables.table import Table
from bicameral.errors import DataError

SAMPLE = 200  # rows that are looked at to tell texts from other columns


def looks_like_texts(table: Table) -> bool:
    """Return whether a table holds texts: by the name of a column, or two columns without a header."""
    named = pick(table, TEXT, None)
    if named:
        cells = table.columns[named][:SAMPLE]
        return not any(map(str.strip, cells)) or numbers(cells) is None
    wordy = _wordiest(table) if len(table.columns) in (2, 3) else None
    if wordy is None or not _has_words(table.columns[wordy]):
        return False
    return stamps(table.columns[wordy]) is None and numbers(table.columns[wordy]) is None


def read_text_table(
    name: str,
    table: Table,
    *,
    target: str | None = None,
    labels: bool = True,
    text: str | None = None,
    group: str | None = None,
    split: str | None = None,
    answer: Answer | None = None,
) -> Dataset:
    """Read texts, labelled unless `labels` is False; an empty text or label is quarantined."""
    text = pick(table, TEXT, text) or _wordiest(table)
    label = (pick(table, LABEL, target) or _other(table, text)) if labels else None
    if text is None or (labels and label is None):
        raise DataError(f"{name} has the columns {table.seen}; expected a column of texts and one of labels")
    keep, faults = _whole(table, text, label)
    table = table.rows(keep)
    group, split = pick(table, GROUP, group), pick(table, SPLIT, split)
    targets, classes = encode_cells(table.columns[label], answer=answer) if label else (None, ())
    return Dataset(
        name=name,
        kind="text",
        items=[cell.strip() for cell in table.columns[text]],
        targets=targets,
        classes=classes,
        ids=[table.where(row) for row in range(len(table))],
        groups=np.array(table.columns[group]) if group else None,
        split=published(table.columns[split], name) if split else None,
        faults=(*table.faults, *faults),
    )


def read_text_files(
    name: str, files: list[Blob], faults: Sequence[Fault], labels: Labels, *, answer: Answer | None = None
) -> Dataset:
    """Read one text a file, labelled like pictures are."""
    found, more = examples(files, (".txt",), labels)
    kept, facts, broken = inspect(found, lambda example: {"characters": len(_decode(example.blobs[0]))})
    texts = [_decode(example.blobs[0]) for example in kept]
    dataset = assemble(name, "text", texts, kept, facts, [*faults, *more, *broken], answer=answer)
    return replace(dataset, properties={})


def read_class_files(name: str, files: list[Blob], faults: Sequence[Fault]) -> Dataset:
    """Read one example a line; the file name is the class."""
    tables = [(blob, _lines(blob)) for blob in files]
    empty = [Fault(blob.name, "holds no line of text") for blob, lines in tables if not lines]
    rows = [(f"{blob.name}:{number}", blob.stem, line) for blob, lines in tables for number, line in lines]
    targets, classes = encode_cells([stem for _, stem, _ in rows], answer="classify")
    return Dataset(
        name=name,
        kind="text",
        items=[line for _, _, line in rows],
        targets=targets,
        classes=classes,
        ids=[where for where, _, _ in rows],
        faults=(*faults, *empty),
    )


def _lines(blob: Blob) -> list[tuple[int, str]]:
    lines = enumerate(_decode(blob).split("\n"), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def _decode(blob: Blob) -> str:
    try:
        return blob.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{blob.name} is not UTF-8 (byte {error.start}); save it as UTF-8") from error


def _whole(table: Table, text: str, label: str | None) -> tuple[list[int], list[Fault]]:
    keep, faults = [], []
    for row, words in enumerate(table.columns[text]):
        if label and (why := why_unlabelled(table.columns[label][row])):
            faults.append(Fault(table.where(row), why))
        elif not words.strip():
            faults.append(Fault(table.where(row), "empty text"))
        else:
            keep.append(row)
    if not keep:
        raise DataError(f"{table.name} has no row with both a text and a label ({len(faults)} rows)")
    return keep, faults


def _wordiest(table: Table) -> str | None:
    """Return the column of the longest cells, if they are no numbers."""
    lengths = {name: sum(map(len, cells[:SAMPLE])) for name, cells in table.columns.items()}
    longest = max(lengths, key=lambda name: lengths[name])
    return None if any(map(is_number, table.columns[longest][:SAMPLE])) else longest


def _has_words(cells: list[str]) -> bool:
    sample = cells[:SAMPLE]
    spaced = sum(" " in cell.strip() for cell in sample)
    return spaced * 2 > len(sample) and any(char.isalpha() for char in sample[0])


def _other(table: Table, text: str | None) -> str | None:
    rest = [name for name in table.columns if name not in (text, "split", "group")]
    return rest[0] if len(rest) == 1 else None
