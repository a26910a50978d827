"""Names written in a table, found among the names of the examples."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath


def match(written: Sequence[str], ids: Sequence[str]) -> list[int | None]:
    """Return the row of each written name: by whole path, else by file name, else without ending."""
    spellings: tuple[Callable[[str], str], ...] = (str, _file, _stem)
    maps = [_unique([spell(name) for name in ids]) for spell in spellings]
    return [_first(_normal(name), spellings, maps) for name in written]


def _first(
    name: str, spellings: Sequence[Callable[[str], str]], maps: Sequence[dict[str, int]]
) -> int | None:
    hits = (rows.get(spell(name)) for spell, rows in zip(spellings, maps, strict=True))
    return next((hit for hit in hits if hit is not None), None)


def _normal(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./")


def _unique(names: list[str]) -> dict[str, int]:
    # two files of one name in two folders can only be told apart by the whole path
    counts = Counter(names)
    return {name: row for row, name in enumerate(names) if counts[name] == 1}


def _file(name: str) -> str:
    return PurePosixPath(name).name


def _stem(name: str) -> str:
    return PurePosixPath(name).stem
