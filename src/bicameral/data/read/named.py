"""Arrays by their names: examples, targets, names of classes, and the parts of a published split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bicameral.data.read.labels.parts import WORDS, part_of
from bicameral.errors import DataError

X_NAMES = ("x", "data", "images", "image", "frames", "clips", "sounds", "audio", "series", "texts", "text")
Y_NAMES = ("y", "target", "targets", "labels", "label", "class", "classes")
CLASS_NAMES = ("class_names", "label_names", "classes", "names", "target_names")  # from the third on a guess


def gather(arrays: dict[str, Any], x: str | None, target: str | None) -> tuple[Any, Any, list[str] | None]:
    """Return X, y and the part of each row; parts may come as train_x, test_x or as train_index."""
    parts = {key.split("_", 1)[0]: None for key in arrays if "_" in key and part_of(key.split("_", 1)[0])}
    pieces = {part: _pair(_of_part(arrays, part), x, target) for part in parts if _of_part(arrays, part)}
    if not pieces:
        values, y = _pair(arrays, x, target)
        return values, y, _indexed_parts(arrays, len(values))
    split = [str(part_of(part)) for part, (values, _) in pieces.items() for _ in range(len(values))]
    bare = [f"{part}_x" for part, (_, y) in pieces.items() if y is None]
    if 0 < len(bare) < len(pieces):
        raise DataError(
            f"{bare[0]} has no targets beside it, but others do; leave it out, and predict it later"
        )
    values = _joined([values for values, _ in pieces.values()])
    return values, None if bare else _joined([y for _, y in pieces.values()]), split


def _of_part(arrays: dict[str, Any], part: str) -> dict[str, Any]:
    inner = {key.split("_", 1)[1]: value for key, value in arrays.items() if key.split("_", 1)[0] == part}
    return inner if any(key.lower() in X_NAMES for key in inner) else {}


def _pair(arrays: dict[str, Any], x: str | None, target: str | None) -> tuple[Any, Any]:
    values = first_of(arrays, X_NAMES) if x is None else _named(arrays, x)
    if values is None and len(arrays) == 1:
        values = next(iter(arrays.values()))
    if values is None:
        shapes = ", ".join(f"{key} {np.shape(value)}" for key, value in arrays.items())
        raise DataError(f"no array of examples among: {shapes}; call it X, or pass x='its name'")
    return values, first_of(arrays, Y_NAMES) if target is None else _named(arrays, target)


def _indexed_parts(arrays: dict[str, Any], count: int) -> list[str] | None:
    indices = {word: arrays[key] for word in WORDS for key in arrays if key == f"{word}_index"}
    given = first_of(arrays, ("split",))
    if not indices:
        return None if given is None else [str(word) for word in np.atleast_1d(given)]
    split = [""] * count
    for word, rows in indices.items():
        for row in _rows_of(f"{word}_index", rows, count):
            if split[row] not in ("", WORDS[word]):
                raise DataError(
                    f"{word}_index names the row {row}, which is in the part {split[row]} already"
                )
            split[row] = WORDS[word]
    return split


def _rows_of(name: str, given: Any, count: int) -> list[int]:
    """Return the rows of a part, checked: whole numbers, or one true or false an example."""
    rows = as_array(given)
    if rows.dtype == bool and rows.shape == (count,):
        return np.flatnonzero(rows).tolist()
    whole = rows.ndim == 1 and rows.dtype.kind in "iuf" and bool((rows == np.floor(rows)).all())
    if not whole:
        raise DataError(f"{name} is {rows.dtype} {rows.shape}; expected whole numbers, each a row from 0 on")
    outside = rows[(rows < -count) | (rows >= count)]
    if len(outside):
        raise DataError(f"{name} names the row {int(outside[0])} of {count}; rows count from 0")
    return (rows.astype(np.int64) % count).tolist()


def first_of(arrays: dict[str, Any], names: Sequence[str]) -> Any:
    """Return the first array that bears one of the names, whatever its case; None where none does."""
    lower = {key.lower(): value for key, value in arrays.items()}
    return next((lower[name] for name in names if lower.get(name) is not None), None)


def _named(arrays: dict[str, Any], key: str) -> Any:
    if key not in arrays:
        raise DataError(f"no array called {key!r}; there are {', '.join(arrays)}")
    return arrays[key]


def class_names(arrays: dict[str, Any], given: Sequence[str], targets: Any) -> tuple[str, ...]:
    """Return the names of the classes; an array that may hold anything else is one only where it fits."""
    names = next((as_array(arrays[key]) for key in arrays if key.lower() in CLASS_NAMES[:2]), None)
    guessed = next((as_array(arrays[key]) for key in arrays if key.lower() in CLASS_NAMES[2:]), None)
    if len(given) or names is not None:
        return tuple(map(str, np.atleast_1d(as_array(given if len(given) else names))))
    if guessed is None or guessed.dtype.kind != "U" or guessed.ndim != 1 or targets is None:
        return ()
    whole = as_array(targets).dtype.kind in "iu" and as_array(targets).max(initial=0) < len(guessed)
    return tuple(map(str, guessed)) if whole and len(set(guessed.tolist())) == len(guessed) else ()


def _joined(pieces: Sequence[Any]) -> Any:
    if all(isinstance(piece, list) for piece in pieces):
        return [item for piece in pieces for item in piece]
    arrays = [as_array(piece) for piece in pieces]
    if len({array.shape[1:] for array in arrays}) > 1:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise DataError(f"the parts have the shapes {shapes}; expected the same but for the first number")
    return np.concatenate(arrays)


def as_array(values: Any) -> np.ndarray:
    """Return what NumPy, PyTorch or lists hold as one array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
