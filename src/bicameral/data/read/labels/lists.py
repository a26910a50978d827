"""Lists of files beside the folders, as of Speech Commands: testing_list.txt, validation_list.txt."""

import re
from collections.abc import Sequence

from bicameral.data.read.files import Blob
from bicameral.data.read.labels.matching import match
from bicameral.data.read.labels.parts import part_of

LIST = re.compile(r"(?i)([a-z]+)(?:_list|_files|_split)?\.txt")


def parts_by_list(files: Sequence[Blob], names: Sequence[str]) -> tuple[list[str], set[str]]:
    """Return the part of each named file, and the lists that say so; what none names is for training."""
    parts = [""] * len(names)
    lists: set[str] = set()
    for blob in files:
        hit = LIST.fullmatch(blob.name)
        part = part_of(hit[1]) if hit else None
        if part is None or blob.name in names:
            continue
        lines = blob.read().decode("utf-8", errors="replace").split("\n")
        rows = match([line for line in lines if line.strip()], names)
        found = [row for row in rows if row is not None]
        if found and 2 * len(found) >= len(rows):
            lists.add(blob.name)
            for row in found:
                parts[row] = part
    return ([part or "train" for part in parts] if lists else parts), lists
