"""The words people use for the parts of a published split."""

import re

import numpy as np

from bicameral.data.dataset import Part
from bicameral.errors import DataError

WORDS: dict[str, Part] = {
    "train": "train", "training": "train", "tr": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "t10k": "test", "te": "test",
}  # fmt: skip


def part_of(word: str) -> Part | None:
    """Return the part that a folder or a cell names, or None."""
    return WORDS.get(word.strip().lower())


def part_in_stem(stem: str) -> tuple[str, Part | None]:
    """Divide "trec_train", "GunPoint_TEST", "train_2019" or "train" into the name of the set and the part."""
    pieces = re.split(r"([-_. ])", stem)
    for end, rest in ((-1, pieces[:-2]), (0, pieces[2:])):
        if part := part_of(pieces[end]):
            return "".join(rest), part
    return stem, None


def published(parts: list[str], where: str) -> np.ndarray | None:
    """Return the split as an array, or None where no part, or training alone, is named.

    Unknown words are errors, and so are examples without a part among others that have one.
    """
    words = [part_of(part) if part else None for part in parts]
    unknown = sorted({part for part, word in zip(parts, words, strict=True) if part and word is None})
    if unknown:
        raise DataError(f"{where} names the part {unknown[0]!r}; a part is one of train, val, test")
    if set(words) <= {None} or set(words) == {"train"}:
        return None
    if None in words:
        raise DataError(f"{where}: {words.count(None)} of {len(words)} examples belong to no part")
    return np.array(words)
