"""Files and folders that a reader sees whole: the old one or the new one, never half of it."""

import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

NUMBERS = re.compile(r"\[\n([^\[\]{}\"]*)\]")  # a list of nothing but numbers, true, false and null, indented


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all, a row of numbers on a line."""
    text = json.dumps(jsonable(value), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text))


def jsonable(value: Any) -> Any:
    """Plain JSON of a value: arrays as lists, tuples as lists, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def replace_folder(folder: Path, draft: Path, ours: Collection[str]) -> None:
    """Put the draft in the folder's place, with whatever the user keeps there beside `ours`."""
    if not folder.exists():
        draft.replace(folder)
        return
    for item in folder.iterdir():
        if item.name not in ours:
            _link(item, draft / item.name)
    older = draft.with_name(f"{draft.name}-older")
    folder.rename(older)
    draft.replace(folder)
    shutil.rmtree(older, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """A second name for a file, and for each one in a folder; a copy where the disk knows no links."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        for item in source.iterdir():
            _link(item, target / item.name)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
