"""What is to be predicted, from the values people write down: classes, several labels or numbers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from bicameral.data.read.tables.numerals import without_units
from bicameral.errors import DataError, nearest

Answer = Literal["classify", "regress"]
UNLABELLED = ("", "nan", "na", "n/a", "<na>", "null", "?")


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
    plain = without_units(cells) or cells
    if answer is None and cells and _decimal(plain):
        answer = "regress"
    return encode(np.array(plain if answer == "regress" else cells), answer=answer or "classify")


def why_unlabelled(cell: str) -> str:
    """Say how a cell stands for a label that is missing, if it does; "none" is a class like any other."""
    if cell.strip().lower() not in UNLABELLED:
        return ""
    return f"label {cell!r}, which stands for none" if cell.strip() else "empty label"


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
    if len(classes) and len(_unlike(classes)) != values.shape[1]:
        raise DataError(f"{len(classes)} names of classes and {values.shape[1]} labels; expected one a label")
    return values.astype(np.uint8), tuple(classes) or tuple(map(str, range(values.shape[1])))


def _classes(values: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    kinds, index = np.unique(values, return_inverse=True)
    if len(names):
        return _named(kinds, index, _unlike(names))
    order = np.argsort(_as_integers(kinds), kind="stable")
    rank = np.argsort(order)
    return rank[index].astype(np.int64), tuple(str(kind) for kind in kinds[order])


def _named(
    kinds: np.ndarray, index: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return numbers of classes in the order of their names: numbered by the data, or called by name."""
    whole = np.issubdtype(kinds.dtype, np.integer)
    number = {str(place) if whole else name: place for place, name in enumerate(names)}
    strange = [str(kind) for kind in kinds if str(kind) not in number]
    if strange:
        count = f"{len(names)} names of classes ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
        raise DataError(f"{count} and the class {strange[0]}; expected a name for every class, from 0 on")
    return np.array([number[str(kind)] for kind in kinds], np.int64)[index], names


def _unlike(names: Sequence[Any]) -> tuple[str, ...]:
    """Return names of classes as words, no two alike and none empty."""
    words = tuple(map(str, names))
    counts = Counter(words)
    wrong = [word for word in words if counts[word] > 1 or not word.strip()]
    if wrong:
        raise DataError(f"{wrong[0]!r} is no name of one class; each needs its own name")
    return words


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
