"""Which examples depend on each other: those of one group, of one block of time."""

import numpy as np

from bicameral.data.dataset import Dataset

BLOCKS = 60  # so many of a series, where none is then shorter than LEAST_HORIZONS
LEAST_HORIZONS = 2  # neighbouring windows share most of their horizon: a block holds more than one


def units(dataset: Dataset) -> np.ndarray:
    """Number the unit of each example (n,), from 0: its group, its block of time, or itself.

    Blocks of series that share a calendar hold all of them; without time stamps each has its own.
    """
    if "begin" in dataset.properties and (dataset.groups is None or dataset.kind != "clip"):
        return _blocks(dataset)
    if dataset.groups is not None:
        return _numbered(dataset.groups)
    return np.arange(len(dataset))


def _blocks(dataset: Dataset) -> np.ndarray:
    begin, end = dataset.properties["begin"], dataset.properties["end"]
    first = begin.min()
    width = max((end.max() - first) / BLOCKS, LEAST_HORIZONS * float(np.median(end - begin)), 1e-12)
    block = ((begin - first) / width).astype(int)
    if dataset.groups is None or dataset.times is not None:
        return _numbered(block)
    return _numbered(_numbered(dataset.groups) * (block.max() + 1) + block)


def _numbered(names: np.ndarray) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]
