"""Every trial and fact of a study, appended line by line, each line sealed by a hash of all before it."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bicameral.errors import StudyError


class Ledger:
    """An append-only JSONL file. A kill loses at most the line being written, which the next one replaces."""

    def __init__(self, path: Path):
        self.path = path
        found = list(_whole_lines(path))
        self.lines = [line for line, _ in found]
        self._seal = self.lines[-1]["seal"] if self.lines else ""
        self._end = found[-1][1] if found else 0  # bytes; what lies behind is a torn line

    def append(self, kind: str, key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write one line and see it onto the disk."""
        line = {"kind": kind, "key": key, **value}
        line["seal"] = self._seal = seal(self._seal, line)
        with self.path.open("ab") as file:
            file.truncate(self._end)
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            self._end = file.tell()
        self.lines.append(line)
        return line

    def find(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """The newest line of that kind and key."""
        return next(
            (line for line in reversed(self.lines) if (line["kind"], line["key"]) == (kind, key)), None
        )

    def all(self, kind: str) -> list[Mapping[str, Any]]:
        """Every line of one kind, oldest first."""
        return [line for line in self.lines if line["kind"] == kind]

    def broken_at(self) -> int | None:
        """The first line whose seal does not fit what stands before it, counted from 1."""
        before = ""
        for number, line in enumerate(self.lines, start=1):
            body = {key: value for key, value in line.items() if key != "seal"}
            if line.get("seal") != seal(before, body):
                return number
            before = line["seal"]
        return None


def seal(before: str, line: Mapping[str, Any]) -> str:
    """Hash of a line and of the seal before it."""
    body = json.dumps(line, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{before}{body}".encode()).hexdigest()[:16]


def _whole_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Parsed lines with the byte each ends at; stops at a torn last line."""
    if not path.exists():
        return
    end = 0
    for number, raw in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not raw.endswith(b"\n"):
            return
        end += len(raw)
        yield _line(raw, f"{path} is damaged at line {number}"), end


def _line(raw: bytes, where: str) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except ValueError as error:  # neither JSON nor text
        raise StudyError(f"{where}: {error}") from error
    if not isinstance(line, dict) or not {"kind", "key", "seal"} <= line.keys():
        raise StudyError(f"{where}: it has no kind, key and seal")
    return line
