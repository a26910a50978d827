"""The weights between the channels of a series, as nested numbers: given as such, or read from a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bicameral.errors import DataError

Weights = tuple[tuple[float, ...], ...]
READABLE = (".csv", ".npy")


def graph_weights(given: Sequence[Any] | None) -> Weights | None:
    """Return rows of weights, from node to node; `None` stays `None`.

    given  the path of a square matrix (.npy, or .csv with or without a line of names), or the matrix itself
    """
    if given is None:
        return None
    matrix = _read(Path(given)) if isinstance(given, str) else _matrix(given, "the graph")
    return tuple(tuple(row) for row in matrix.tolist())


def _read(path: Path) -> np.ndarray:
    if path.suffix not in READABLE:
        raise DataError(f"the graph {str(path)!r} cannot be read; expected {' or '.join(READABLE)}")
    try:
        if path.suffix == ".npy":
            return _matrix(np.load(path, allow_pickle=False), str(path))
        lines = [line.split(",") for line in path.read_text(encoding="utf-8-sig").split()]
        return _matrix(lines[1:] if len(lines) == len(lines[0]) + 1 else lines, str(path))
    except FileNotFoundError as error:
        raise DataError(f"there is no graph {str(path)!r}") from error


def _matrix(values: Any, name: str) -> np.ndarray:
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{name} is no matrix of numbers") from error
    if matrix.ndim != 2 or len(set(matrix.shape)) != 1:
        raise DataError(f"{name} has shape {matrix.shape}; expected a row and a column for every channel")
    if not (np.isfinite(matrix) & (matrix >= 0)).all():
        raise DataError(f"{name} has weights below zero or missing; expected 0 where there is no edge")
    return matrix
