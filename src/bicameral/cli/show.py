"""What a verb prints: plain lines and tables for people, strict JSON for machines."""

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

# control characters, line breaks, changes of the writing direction, and bytes that were no UTF-8
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LONE = re.compile("[\ud800-\udfff]")
HARMFUL = re.compile(f"(?![\\n\\t]){UNSEEN.pattern}")  # to a terminal; lines keep their ends and columns


def show_json(value: Any) -> None:
    """Print strict JSON: not-a-number and infinity become null."""
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    typer.echo(LONE.sub(_escape, text))


def tell_left_out(dataset: Any) -> None:
    """Say on standard error what of the data could not be used."""
    if dataset.faults:
        first = f"{dataset.faults[0].where}: {dataset.faults[0].what}"
        typer.echo(f"left out or mended: {len(dataset.faults)}, the first is {escaped(first)}", err=True)


def escaped(text: Any) -> str:
    """A name or message as one harmless piece of a line, whatever characters it came with."""
    return UNSEEN.sub(_escape, str(text))


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def plain(value: Any) -> Any:
    """Turn dataclasses, arrays, paths and tuples into what JSON knows."""
    if dataclasses.is_dataclass(value):
        return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if hasattr(value, "tolist"):  # arrays and tensors
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def show_lines(lines: Iterable[str]) -> None:
    """Print lines; a control character in a name out of the data does nothing to the terminal."""
    for line in lines:
        typer.echo(HARMFUL.sub(_escape, line))


def show_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print columns as wide as their widest cell; numbers stand on the right."""
    rows = list(rows)
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    for line in cells:
        padded = (
            cell.rjust(width) if on_right else cell.ljust(width)
            for cell, width, on_right in zip(line, widths, right, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else escaped(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
