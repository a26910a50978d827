"""Data sets of PyTorch and Hugging Face, in memory, as named arrays."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from bicameral.errors import DataError

FIELDS = ("x", "y")


def as_arrays(source: Any) -> Any:
    """Return named columns where an object of another library holds examples; anything else as it is."""
    if isinstance(source, DataLoader):
        raise DataError("a DataLoader gives batches; pass its .dataset")
    if _is_of_hugging_face(source):
        return _columns(source)
    if isinstance(source, Mapping) and source and all(map(_is_of_hugging_face, source.values())):
        return _parts({part: _columns(rows) for part, rows in source.items()})
    if isinstance(source, TorchDataset):
        return _examples(source)
    return source


def _is_of_hugging_face(source: Any) -> bool:
    return hasattr(source, "column_names") and hasattr(source, "features") and hasattr(source, "__getitem__")


def _columns(source: Any) -> dict[str, Any]:
    found = {name: _plain(list(source[name])) for name in source.column_names}
    names = [getattr(source.features[name], "names", None) for name in found]
    return found | next(({"class_names": list(words)} for words in names if words), {})


def _parts(parts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Put columns of the parts behind each other, with the part of each row."""
    first = next(iter(parts.values()))
    rows = [name for name in first if name != "class_names"]
    joined = {name: [value for columns in parts.values() for value in columns[name]] for name in rows}
    split = [part for part, columns in parts.items() for _ in columns[rows[0]]]
    return {**first, **joined, "split": split}


def _examples(source: Any) -> dict[str, Any]:
    """Return x and y of the examples (x, y), or what the fields of dictionaries hold."""
    count = len(source) if hasattr(source, "__len__") else None
    rows: Iterable[Any] = source if count is None else (source[row] for row in range(count))
    examples = list(rows)
    if not examples:
        raise DataError("a data set without an example")
    if isinstance(examples[0], Mapping):
        return {key: _plain([example[key] for example in examples]) for key in examples[0]}
    if not isinstance(examples[0], tuple | list):
        return {"x": _plain(examples)}
    if len(examples[0]) > len(FIELDS):
        raise DataError(f"examples of {len(examples[0])} parts; expected (x, y)")
    columns = [_plain(list(values)) for values in zip(*examples, strict=True)]
    return dict(zip(FIELDS, columns, strict=False))


def _plain(values: list[Any]) -> Any:
    """Return values as one array where they are of one shape, pictures of Pillow as pixels."""
    if isinstance(values[0], str):
        return values
    arrays = [np.asarray(value) for value in values]
    return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else arrays
