"""What is to be predicted, from the values people write down: classes, several labels or numbers."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from bicameral.errors import DataError, nearest

Answer = Literal["classify", "regress"]


def encode(
    values: Any, *, answer: Answer | None = None, classes: Sequence[str] = ()
) -> tuple[Any, tuple[str, ...]]:
    """Return targets and class names: float is regression, int, str and bool are classes, 2-D 0/1 labels."""
    if answer is not None and answer not in get_args(Answer):
        raise DataError(f"answer cannot be {answer!r}{nearest(str(answer), get_args(Answer))}")
    values = _plain(np.asarray(values))
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise DataError(f"targets have the shape {values.shape}; expected (n,) or (n, k)")
    numeric = np.issubdtype(values.dtype, np.floating)
    if answer == "regress" or (numeric and answer is None):
        return _numbers(values), ()
    if values.ndim == 2:
        return _several(values, classes)
    return _classes(values, classes)


def encode_cells(cells: list[str], *, answer: Answer | None = None) -> tuple[Any, tuple[str, ...]]:
    """Encode written labels: numbers with a decimal point are regression, everything else classes."""
    if answer is None and cells and _decimal(cells):
        answer = "regress"
    return encode(np.array(cells), answer=answer or "classify")


def _plain(values: np.ndarray) -> np.ndarray:
    """Return an array of objects as one of words or numbers, where all of them are."""
    if values.dtype.kind in "biufUST":
        return values
    kinds = {type(value) for value in values.ravel().tolist()}
    if len(kinds) == 1 and kinds <= {str, int, float, bool}:
        return np.array(values.tolist())
    named = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(f"targets are {named}; expected words, whole numbers or floats, all of one sort")


def _numbers(values: np.ndarray) -> np.ndarray:
    try:
        return values.astype(np.float32)
    except ValueError as error:
        raise DataError(f"a target is not a number ({error}); for classes pass answer='classify'") from error


def _several(values: np.ndarray, classes: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    if not np.isin(values, (0, 1)).all():
        raise DataError(
            f"targets of the shape {values.shape} hold {values.min()}..{values.max()}; several labels are 0 "
            "or 1 a column, several numbers are float"
        )
    return values.astype(np.uint8), tuple(classes) or tuple(map(str, range(values.shape[1])))


def _classes(values: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    kinds, index = np.unique(values, return_inverse=True)
    order = np.argsort(_as_integers(kinds), kind="stable")
    rank = np.argsort(order)
    if len(names) and np.issubdtype(kinds.dtype, np.integer) and kinds.max(initial=0) < len(names):
        return values.astype(np.int64), tuple(map(str, names))
    return rank[index].astype(np.int64), tuple(str(kind) for kind in kinds[order])


def _as_integers(kinds: np.ndarray) -> np.ndarray:
    # "10" belongs behind "9", but only where all of them are whole numbers
    try:
        return kinds.astype(np.int64)
    except ValueError:
        return np.arange(len(kinds))


def _decimal(cells: list[str]) -> bool:
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return False
    return bool(np.isfinite(numbers).all()) and any(not cell.strip().lstrip("+-").isdigit() for cell in cells)
