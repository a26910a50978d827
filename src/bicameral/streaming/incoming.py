"""Pieces of a stream out of the bytes of a pipe: lines of numbers or text, and samples of sound."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from bicameral.data.preprocessing import Preprocessing
from bicameral.data.preprocessing.sound import SoundPreprocessing
from bicameral.data.read.tables.numerals import MISSING
from bicameral.errors import DataError
from bicameral.streaming.wave import samples

Parse = Callable[[bytes], Any]


def incoming(
    file: Any, preprocessing: Preprocessing, columns: Sequence[str] = ()
) -> tuple[Iterator[Any], Parse]:
    """The raw parts of a binary file, and what makes a piece of one, None where it holds none.

    columns  of series: the names, or numbers from 1, of the cells that are the channels, in their order
    """
    if isinstance(preprocessing, SoundPreprocessing):
        return samples(file, preprocessing.rate, preprocessing.hop), lambda piece: piece
    if preprocessing.kind == "text":
        return file, decoded
    if preprocessing.kind == "series":
        return file, Rows(columns)
    raise DataError(f"{preprocessing.kind}s do not come in lines; feed frames to Artifact.stream in Python")


def decoded(line: bytes) -> str:
    """The text of a line."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start})") from error


class Rows:
    """Numbers out of lines of CSV, with or without a header, or of JSON: a list or an object each."""

    def __init__(self, columns: Sequence[str] = ()):
        self.columns, self.header, self.begun = list(columns), list[str](), False

    def __call__(self, line: bytes) -> list[float] | None:
        text = decoded(line).rstrip("\r\n")
        if not text.strip(" "):
            return None
        is_first, self.begun = not self.begun, True
        if text.lstrip()[:1] in ("[", "{"):
            return self._of_json(text)
        cells = _cells(text)
        if is_first and not any(map(_is_number, cells)):
            self.header = [cell.strip() for cell in cells]
            return None
        return [_number(cell) for cell in self._picked(cells)]

    def _of_json(self, text: str) -> list[float]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"no JSON ({error})") from error
        if isinstance(found, Mapping):
            self.columns = self.columns or list(found)
            cells = [_of(cast(Mapping[str, Any], found), name) for name in self.columns]
        else:
            cells = self._picked(found)
        return [_number(cell) for cell in cells]

    def _picked(self, cells: Sequence[Any]) -> Sequence[Any]:
        if not self.columns:
            return cells
        return [_of(dict(enumerate(cells)), self._place(name)) for name in self.columns]

    def _place(self, name: str) -> int:
        if name in self.header:
            return self.header.index(name)
        if name.isdecimal() and int(name):
            return int(name) - 1
        known = (
            f"the header has {', '.join(self.header)}"
            if self.header
            else "without a header, number it from 1"
        )
        raise DataError(f"no column {name!r}; {known}")


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=next((mark for mark in "\t;" if mark in line), ",")))
    except csv.Error as error:
        raise DataError(f"no line of CSV ({error})") from error


def _of(cells: Mapping[Any, Any], key: Any) -> Any:
    if key not in cells:
        raise DataError(
            f"no {key!r} in it" if isinstance(key, str) else f"{len(cells)} cells, column {key + 1} asked"
        )
    return cells[key]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip().lower() in MISSING
    return True


def _number(cell: Any) -> float:
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return np.nan
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{repr(cell)[:40]} is no number") from error
