"""The bytes of a table as rows of cells, and a fault for every line that is none."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator

from bicameral.data.dataset import Fault
from bicameral.data.read.files import Blob
from bicameral.data.read.limits import LIFT, limits
from bicameral.errors import DataError

NEVER_CLOSED = "a quote is opened and never closed"
Row = tuple[int, list[str]]  # the line in the file and its cells


def rows_of(blob: Blob, delimiter: str | None) -> tuple[list[Row], list[Fault]]:
    """Return the rows of a file, its header among them, and what could not be read."""
    text, faults = _text(blob)
    if blob.suffix == ".jsonl":
        found = _json_rows(text, blob.name)
    else:
        delimiter = delimiter or _delimiter(text, blob.suffix)
        quoted = delimiter in (",", ";") and '"' in text
        found = (_quoted_rows if quoted else _plain_rows)(text, delimiter, blob.name)
    rows: list[Row] = []
    for one in found:
        if isinstance(one, Fault):
            faults.append(one)
        else:
            rows.append(one)
    return _short_enough(rows, faults, blob.name) if len(text) > limits().cell else (rows, faults)


def _short_enough(rows: list[Row], faults: list[Fault], name: str) -> tuple[list[Row], list[Fault]]:
    """Set aside rows with more characters than any table should have in one."""
    sizes = [sum(map(len, cells)) for _, cells in rows]
    most = max(sizes, default=0) if limits().lifted else limits().cell
    what = f"{{:,}} characters in one row, more than {most:,}; {LIFT}"
    sized = list(zip(rows, sizes, strict=True))
    long = [Fault(f"{name}:{row[0]}", what.format(size)) for row, size in sized if size > most]
    return [row for row, size in sized if size <= most], [*faults, *long]


def _text(blob: Blob) -> tuple[str, list[Fault]]:
    data = blob.read()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), []
    if b"\0" in data:
        raise DataError(f"{blob.name} is no table: it holds NUL bytes; expected text, in UTF-8")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    if not re.search("[\udc80-\udcff]", text):
        return text, []
    faults, kept = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        broken = re.search("[\udc80-\udcff]", line)
        faults += [Fault(f"{blob.name}:{number}", "not UTF-8; save the file as UTF-8")] if broken else []
        kept.append("" if broken else line)
    return "\n".join(kept), faults


def _delimiter(text: str, suffix: str) -> str:
    if suffix in (".tsv", ".tab"):
        return "\t"
    lines = [line for line in text[:65536].splitlines()[:20] if line.strip()]
    for sign in ",;\t|":
        counts = [line.count(sign) for line in lines]
        if counts and min(counts) > 0 and max(Counter(counts).values()) * 2 > len(counts):
            return sign
    return " " if suffix == ".txt" else ","


def _plain_rows(text: str, delimiter: str, name: str) -> Iterator[Row]:
    # quotes are text here, and a reader that honours them swallows rows
    del name
    empty = {delimiter, " ", "\t"}
    for number, line in enumerate(text.split("\n"), start=1):
        if not empty.issuperset(line):
            yield number, line.split() if delimiter == " " else line.split(delimiter)


def _quoted_rows(text: str, delimiter: str, name: str) -> Iterator[Row | Fault]:
    """Parse lines with quoted cells; where a quote is not closed, that line alone is lost."""
    csv.field_size_limit(2**31 - 1)
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        begun = start
        try:
            for row in _rows_from(lines, start, delimiter):
                if _swallows(row, lines, begun, delimiter):
                    raise csv.Error
                begun = row[0]
                if any(row[1]):
                    yield row
            return
        except csv.Error:
            start = begun + 1
            yield _mended(lines[begun], start, delimiter, name)


def _rows_from(lines: list[str], start: int, delimiter: str) -> Iterator[Row]:
    """Yield the number of the last line of each row, and its cells."""
    rest = (lines[number] + "\n" for number in range(start, len(lines)))
    reader = csv.reader(rest, delimiter=delimiter, strict=True)
    for cells in reader:
        yield start + reader.line_num, cells


def _swallows(row: Row, lines: list[str], begun: int, delimiter: str) -> bool:
    """Return whether the lines inside a quoted cell are rows themselves, so that its quote was a slip."""
    inner = lines[begun + 1 : row[0] - 1]
    return len(inner) > 1 and all(line.count(delimiter) == len(row[1]) - 1 > 0 for line in inner)


def _mended(line: str, number: int, delimiter: str, name: str) -> Row | Fault:
    """Return a line whose quotes do not stand where they belong, if it is whole by itself."""
    if line.count('"') % 2 == 0:
        return number, next(csv.reader([line], delimiter=delimiter))
    if number == 1:
        raise DataError(f"{name}:1: {NEVER_CLOSED}; mend the line of names")
    return Fault(f"{name}:{number}", NEVER_CLOSED)


def _json_rows(text: str, name: str) -> Iterator[Row | Fault]:
    found: list[tuple[int, dict[str, object]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        value = _json(line) if line.strip() else None
        if isinstance(value, dict):
            found.append((number, value))
        elif value is not None:
            yield Fault(f"{name}:{number}", value if isinstance(value, str) else "not an object like {...}")
    keys = list(dict.fromkeys(key for _, value in found for key in value))
    filled = sum(len(value) for _, value in found)
    limits().check(
        name,
        f"has {len(keys):,} different keys, most in few rows: a table of {{}} cells",
        len(keys) * len(found),
        max(1_000_000, limits().spread * filled),
    )
    if keys:
        yield 0, keys
        yield from ((number, [_cell(value.get(key)) for key in keys]) for number, value in found)


def _json(line: str) -> object:
    """Return the value of a line, or what is wrong with it as a text."""
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg}"
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    except (RecursionError, ValueError):
        return "not JSON that can be read: brackets too deep, or a number too long"
    return value if not isinstance(value, str) else [value]


def _cell(value: object) -> str:
    return "" if value is None else str(value)
