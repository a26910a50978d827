"""Prepared examples: decoded once, cheap to index, padded to the longest of a batch."""

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bicameral.data.dataset import Batch, Dataset
from bicameral.data.examples.segments import Continuations
from bicameral.data.preprocessing import Preprocessing
from bicameral.errors import DataError

AHEAD = 2  # batches decoded while the network works
NUM_THREADS = min(8, os.cpu_count() or 1)


class Prepared:
    """Examples of a dataset, each prepared at most once and kept, as long as all fit `memory` bytes.

    Where they do not fit, they are decoded for every batch, and `batches` decodes ahead in threads.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocessing: Preprocessing,
        indices: Sequence[int] | np.ndarray | None = None,
        *,
        memory: int = 2**30,
    ):
        rows = np.arange(len(dataset)) if indices is None else np.asarray(indices)
        if not len(rows):
            raise DataError(f"no examples of {dataset.name!r} to prepare")
        self.dataset, self.preprocessing, self.layout = dataset, preprocessing, preprocessing.layout
        self.index = torch.from_numpy(rows.astype(np.int64))
        self._targets = _targets(dataset, rows)
        size = 4 * math.prod(self.layout.shape) * (2 if dataset.kind == "text" else 1)
        self._store = _hold(map(self.example, range(len(self)))) if size * len(self) <= memory else None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def lengths(self) -> np.ndarray | None:
        """Frames of every example; None where they are equal, or not known before decoding."""
        return self._store.lengths.numpy() if isinstance(self._store, Ragged) else None

    @property
    def targets(self) -> Any:
        """A tensor in the order of the examples, or what is computed on demand for rows of the dataset."""
        return self._targets

    def subset(self, rows: np.ndarray) -> "Prepared":
        """Return some of the examples, prepared already."""
        part = copy(self)
        part.index = self.index[rows]
        part._targets = self._targets[rows] if isinstance(self._targets, Tensor) else self._targets
        part._store = None if self._store is None else self._store.subset(torch.as_tensor(rows))
        return part

    def joined(self, other: "Prepared") -> "Prepared":
        """Return the examples of both in the order of the dataset, prepared already."""
        order = torch.cat([self.index, other.index]).argsort(stable=True)
        both = copy(self)
        both.index = torch.cat([self.index, other.index])[order]
        if isinstance(self._targets, Tensor):
            both._targets = torch.cat([self._targets, other._targets])[order]
        if self._store is not None and other._store is not None:
            arrays = [*self._store.arrays(), *other._store.arrays()]
            both._store = _hold(arrays[place] for place in order.tolist())
        else:
            both._store = None
        return both

    def example(self, row: int) -> np.ndarray:
        """Decode and prepare one example."""
        return self.preprocessing(self.dataset.items[int(self.index[row])])

    def batch(self, rows: Any) -> Batch:
        """Return the examples `rows` (positions in this object), padded with zeros to the longest of them."""
        rows = torch.as_tensor(rows)
        if self._store is None:
            return self._labelled(rows, *pad([self.example(row) for row in rows.tolist()]))
        return self._labelled(rows, *self._store.gather(rows))

    def stream(self, plan: Iterable[Tensor]) -> Iterator[Batch]:
        """Yield one batch for each tensor of rows, decoding ahead where nothing is kept."""
        return map(self.batch, plan) if self._store is not None else self._decode_ahead(plan)

    def _decode_ahead(self, plan: Iterable[Tensor]) -> Iterator[Batch]:
        pool = ThreadPoolExecutor(NUM_THREADS)
        waiting = deque()
        try:
            for rows in plan:
                waiting.append((rows, [pool.submit(self.example, row) for row in rows.tolist()]))
                if len(waiting) > AHEAD:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _finish(self, rows: Tensor, futures: list) -> Batch:
        return self._labelled(rows, *pad([future.result() for future in futures]))

    def _labelled(self, rows: Tensor, x: Tensor, lengths: Tensor | None) -> Batch:
        index = self.index[rows]
        if isinstance(self._targets, Continuations):
            return Batch(*_shifted(x, lengths), index)
        if self._targets is None or isinstance(self._targets, Tensor):
            return Batch(x, None if self._targets is None else self._targets[rows], lengths, index)
        return Batch(x, torch.from_numpy(np.array(self._targets[index.numpy()], np.float32)), lengths, index)


def _shifted(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """All steps but the last as input, all but the first as what follows them: padded with 0, or NaN."""
    if lengths is None:
        return x[:, :-1], x[:, 1:], None
    y = x[:, 1:].clone()
    if y.is_floating_point():
        y[torch.arange(y.shape[1]) >= (lengths - 1)[:, None]] = torch.nan
    return x[:, :-1], y, lengths - 1


def _targets(dataset: Dataset, rows: np.ndarray) -> Any:
    """Return targets as a tensor in the order of `rows`; those computed on demand stay as they are."""
    if not isinstance(dataset.targets, np.ndarray):
        return dataset.targets
    is_class = bool(dataset.classes) and dataset.targets.ndim == 1
    return torch.from_numpy(dataset.targets[rows].astype(np.int64 if is_class else np.float32))


class Whole:
    """Examples of one shape, as one tensor."""

    def __init__(self, x: Tensor):
        self.x = x

    def gather(self, rows: Tensor) -> tuple[Tensor, None]:
        return self.x.index_select(0, rows), None

    def arrays(self) -> list[np.ndarray]:
        return list(self.x.numpy())

    def subset(self, rows: Tensor) -> "Whole":
        return Whole(self.x[rows])


class Ragged:
    """Examples of unequal length, end to end in one tensor whose last frame is padding."""

    def __init__(self, flat: Tensor, lengths: Tensor):
        self.flat = torch.cat([flat, flat.new_zeros(1, *flat.shape[1:])])
        self.lengths, self.starts = lengths, lengths.cumsum(0) - lengths

    def gather(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        lengths = self.lengths[rows]
        steps = torch.arange(int(lengths.max()))
        valid = steps < lengths[:, None]
        places = torch.where(valid, self.starts[rows][:, None] + steps, len(self.flat) - 1)
        return self.flat[places], None if valid.all() else lengths

    def arrays(self) -> list[np.ndarray]:
        return [part.numpy() for part in self.flat[:-1].split(self.lengths.tolist())]

    def subset(self, rows: Tensor) -> "Ragged":
        lengths = self.lengths[rows]
        first = self.starts[rows] - lengths.cumsum(0) + lengths
        places = torch.arange(int(lengths.sum())) + first.repeat_interleave(lengths)
        return Ragged(self.flat[places], lengths)


def _hold(examples: Iterable[np.ndarray]) -> Whole | Ragged:
    arrays = list(examples)
    lengths = torch.tensor([len(array) for array in arrays])
    flat = torch.from_numpy(np.concatenate(arrays))
    if (lengths == lengths[0]).all():
        return Whole(flat.unflatten(0, (len(arrays), -1)))
    return Ragged(flat, lengths)


def pad(arrays: Sequence[np.ndarray]) -> tuple[Tensor, Tensor | None]:
    """Stack examples, padded with zeros to the longest; return their lengths unless all are equal."""
    store = _hold(arrays)
    return store.gather(torch.arange(len(arrays)))
