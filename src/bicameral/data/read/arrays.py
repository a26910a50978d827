"""Arrays in memory and in .npz or .npy files: NumPy, PyTorch, or lists of series of unequal length."""

import io
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from bicameral.data.dataset import Dataset, Fault, Kind
from bicameral.data.read.files import Blob
from bicameral.data.read.labels.parts import published
from bicameral.data.read.labels.targets import Answer, encode
from bicameral.data.read.lengths import cut_to_lengths
from bicameral.data.read.named import as_array, class_names, first_of, gather
from bicameral.data.read.shapes import Stack, items_of
from bicameral.errors import DataError

GROUP_NAMES = ("groups", "group", "subjects", "subject", "speakers", "patients")


def read_arrays(
    source: Any,
    *,
    name: str = "arrays",
    kind: Kind | None = None,
    target: str | None = None,
    x: str | None = None,
    groups: Any = None,
    split: Any = None,
    classes: Sequence[str] = (),
    rate: float | None = None,
    answer: Answer | None = None,
    missing: float | str | None = None,
    labels: bool = True,
    channels: Literal["first", "last"] = "last",
) -> Dataset:
    """Read X, (X, y) or a mapping of arrays; the shape of X tells the kind unless `kind` does.

    target, x  names of the arrays in a mapping
    missing    the number that stands for "no value"
    labels     False: there are none, the examples are to be predicted and not to be forecast
    channels   of series (n, t, d); first: they come as (n, d, t), as those of sktime and aeon do
    """
    if channels not in ("first", "last"):
        raise DataError(f"channels is {channels!r}; expected first or last")
    arrays = cut_to_lengths(_as_mapping(source), name)
    if not any(hasattr(values, "__len__") and getattr(values, "ndim", 1) for values in arrays.values()):
        given = name if isinstance(source, Mapping) else type(source).__name__
        raise DataError(f"{given} holds no data; expected a path, arrays (X, y) or a Dataset")
    values, y, part = gather(arrays, x, target)
    values = values if missing is None else _unknown_where(values, missing)
    y = y if labels else None
    if channels == "first" and np.ndim(values) == 3:
        values, kind = as_array(values).transpose(0, 2, 1), kind or "series"
    items, kind, columns = items_of(values, kind, to_forecast=y is None and labels)
    columns = _named_columns(arrays, columns)
    groups = first_of(arrays, GROUP_NAMES) if groups is None else groups
    split = part if split is None else split
    dataset = Dataset(
        name=name,
        kind=kind,
        items=items,
        ids=[f"row {row}" for row in range(len(items))],
        groups=None if groups is None else as_array(groups).reshape(-1).astype(str),
        split=None if split is None else _published(split, len(items), name),
        columns=columns,
        target_columns=columns if y is None and labels else (),
        rate=rate,
    )
    return _usable(_finite(_with_targets(dataset, y, answer, class_names(arrays, classes, y))))


def _named_columns(arrays: Mapping[str, Any], columns: tuple[str, ...]) -> tuple[str, ...]:
    named = arrays.get("feature_names")
    return tuple(map(str, named)) if named is not None and len(named) == len(columns) else columns


def _unknown_where(values: Any, missing: float | str) -> Any:
    """Return float32 values, NaN where they are `missing`."""
    if isinstance(values, list):
        return [_unknown_where(value, missing) for value in values]
    array = as_array(values).astype(np.float32)
    return np.where(array == np.float32(missing), np.float32(np.nan), array)


def _published(split: Any, count: int, name: str) -> np.ndarray | None:
    words = [str(word) for word in np.atleast_1d(as_array(split))]
    if len(words) != count:
        raise DataError(
            f"{name} has {count} examples and {len(words)} parts in its split; expected one an example"
        )
    return published(words, name)


def load_arrays(blobs: Sequence[Blob]) -> dict[str, Any]:
    """Load one .npz, or .npy files called after what they hold (X.npy, y.npy)."""
    arrays: dict[str, Any] = {}
    for blob in blobs:
        loaded = _load(blob)
        arrays |= {blob.stem: loaded} if isinstance(loaded, np.ndarray) else loaded
    return arrays


def _load(blob: Blob) -> Any:
    data = io.BytesIO(blob.read())
    _check_size(blob, data)
    try:
        loaded = np.load(data, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}
    except Exception as error:  # zip, header, pickle and compression errors share no class
        reason = "it holds Python objects, or no arrays at all" if "pickle" in str(error) else error
        raise DataError(
            f"{blob.name} is no readable array file: {reason}; save it with numpy.savez"
        ) from error


def _check_size(blob: Blob, data: io.BytesIO) -> None:
    if zipfile.is_zipfile(data):
        size = sum(member.file_size for member in zipfile.ZipFile(data).infolist())
        blob.bounds.check_unpacked(blob.name, data.getbuffer().nbytes, size)
    data.seek(0)


def _as_mapping(source: Any) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, tuple) and len(source) == 2:
        return {"x": source[0], "y": source[1]}
    if isinstance(source, tuple):
        raise DataError(f"a tuple of {len(source)}; expected (X, y)")
    return {"x": source}


def _with_targets(dataset: Dataset, y: Any, answer: Answer | None, names: tuple[str, ...]) -> Dataset:
    if y is None:
        return dataset
    y = as_array(y)
    if not y.ndim:
        raise DataError(f"y is one {type(y.item()).__name__}; expected one target an example")
    if len(y) != len(dataset):
        raise DataError(f"{len(dataset)} examples and {len(y)} targets; expected one target an example")
    targets, classes = encode(y, answer=answer, classes=names)
    columns = tuple(f"target {column}" for column in range(targets[:1].size)) if not classes else ()
    return replace(dataset, targets=targets, classes=classes, target_columns=columns)


def _finite(dataset: Dataset) -> Dataset:
    """Take infinite values for missing ones where some may be, and name their rows."""
    rows = np.flatnonzero(_infinite(dataset.items)).tolist() if _may_have_gaps(dataset) else []
    if not rows:
        return dataset
    items = list(dataset.items)
    for row in rows:
        items[row] = np.where(np.isinf(items[row]), np.float32(np.nan), items[row])
    what = "holds infinite values, or some beyond float32; kept as missing"
    faults = (*dataset.faults, *(Fault(dataset.ids[row], what) for row in rows))
    return replace(dataset, items=items, faults=faults)


def _may_have_gaps(dataset: Dataset) -> bool:
    """Series, and clips to be continued: their missing pixels count neither in the loss nor in a metric."""
    return dataset.kind == "series" or (dataset.kind == "clip" and dataset.targets is None)


def _infinite(items: Sequence[Any]) -> np.ndarray:
    if isinstance(items, Stack):
        return np.asarray(np.isinf(items.array).any(axis=tuple(range(1, items.array.ndim))))
    return np.array([np.isinf(item).any() for item in items], dtype=bool)


def _usable(dataset: Dataset) -> Dataset:
    """Quarantine rows without a value or a target, and pictures, clips and sounds with a value missing."""
    some, whole = _known(dataset.items)
    problems = np.where(_unanswered(dataset), "has no target", "")
    problems = np.where(whole | _may_have_gaps(dataset), problems, "holds NaN or infinity")
    problems = np.where(some, problems, "holds no value")
    keep, lost = np.flatnonzero(problems == ""), np.flatnonzero(problems != "").tolist()
    if not len(keep):
        counts = ", ".join(f"{count} {what}" for what, count in Counter(problems.tolist()).items())
        raise DataError(f"{dataset.name} holds no usable example, of {len(dataset)}: {counts}")
    if not lost:
        return dataset
    faults = [Fault(dataset.ids[row], str(problems[row])) for row in lost]
    return replace(dataset.subset(keep), faults=(*dataset.faults, *faults))


def _known(items: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each item holds some finite value, or words, and whether it holds nothing else."""
    if isinstance(items, Stack):
        finite = np.isfinite(items.array.reshape(len(items), -1))
        return np.asarray(finite.any(axis=1)), np.asarray(finite.all(axis=1))
    finite = [
        np.asarray(bool(item.strip())) if isinstance(item, str) else np.isfinite(item) for item in items
    ]
    return np.array([each.any() for each in finite]), np.array([each.all() for each in finite])


def _unanswered(dataset: Dataset) -> np.ndarray:
    if dataset.targets is None or dataset.classes:
        return np.zeros(len(dataset), dtype=bool)
    return ~np.isfinite(dataset.targets.reshape(len(dataset), -1)).all(axis=1)
