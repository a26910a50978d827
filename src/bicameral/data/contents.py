"""What a data set holds, to the byte: one digest that changes with any value, label, group, part or time."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from torch import Tensor

from bicameral.data.dataset import Dataset, Stored

RULE = "contents-1:"  # stands before every digest, so that one made by another rule is known as such
ELSEWHERE = ("name", "faults")  # where the data lie, and what of them is not used
WORDS = 4096  # hashed at a time

Update = Callable[[bytes | memoryview], object]


def contents_digest(dataset: Dataset, rows: Any = None) -> str:
    """Hash everything that a data set holds: the bytes of its files, arrays and texts, and what is asked.

    rows  those that are used, where that matters, too
    """
    state = hashlib.sha256()
    held = {field.name: getattr(dataset, field.name) for field in fields(dataset)}
    held |= {"properties": _lasting(dataset.properties)}
    for name in sorted(held.keys() - set(ELSEWHERE)):
        if held[name] is not None and not _is_empty(held[name]):
            _feed(state.update, name)
            _feed(state.update, held[name])
    _feed(state.update, rows)
    return RULE + state.hexdigest()[:32]


def _is_empty(value: Any) -> bool:
    return isinstance(value, tuple | dict) and not value


def is_current(digest: str) -> bool:
    """Return whether a digest was made by the rule of today, and can be compared."""
    return digest.startswith(RULE)


def _lasting(properties: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    # a copied file is a new one to the file system alone
    return {name: properties[name] for name in sorted(properties) if name != "modified"}


def _feed(update: Update, value: Any) -> None:
    """Hash a value with its form, so that no two values run into each other."""
    if isinstance(value, Stored):
        _feed_all(update, value.contents())
    elif isinstance(value, Tensor):
        _feed_array(update, value.detach().cpu().numpy())
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biufcmM":
        _feed_array(update, value)
    elif isinstance(value, bytes):
        update(b"bytes %d:" % len(value))
        update(value)
    elif isinstance(value, Mapping):
        _feed_all(update, (part for pair in value.items() for part in pair))
    elif isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        _feed_sequence(update, value)
    else:
        plain = value.item() if isinstance(value, np.generic) else value
        update(b"plain " + json.dumps(plain, default=str).encode())


def _feed_all(update: Update, values: Iterable[Any]) -> None:
    update(b"[")
    for value in values:
        _feed(update, value)
    update(b"]")


def _feed_sequence(update: Update, values: Sequence[Any] | np.ndarray) -> None:
    if isinstance(values, np.ndarray) or (values and all(isinstance(value, str) for value in values)):
        update(b"words %d:" % len(values))
        for first in range(0, len(values), WORDS):
            words = [str(word).encode("utf-8", "surrogatepass") for word in values[first : first + WORDS]]
            _feed_array(update, np.array([len(word) for word in words]))
            update(b"".join(words))
    else:
        _feed_all(update, values)


def _feed_array(update: Update, array: np.ndarray) -> None:
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    update(f"array {little.dtype.str} {array.shape}:".encode())
    update(little.reshape(-1).view(np.uint8).data)
