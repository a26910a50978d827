"""A dataset from labelled files that have been looked at: what pictures, clips and sounds share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset, Fault, Kind
from bicameral.data.read.labels.examples import Example
from bicameral.data.read.labels.parts import published
from bicameral.data.read.labels.targets import Answer, encode_cells


def assemble(
    name: str,
    kind: Kind,
    items: Sequence[Any],
    examples: list[Example],
    facts: dict[str, np.ndarray],
    faults: list[Fault],
    *,
    answer: Answer | None = None,
    rate: float | None = None,
) -> Dataset:
    """Return the dataset of `items`, one an example, in the same order."""
    labels = [example.label for example in examples]
    targets, classes = encode_cells(labels, answer=answer) if any(labels) else (None, ())
    return Dataset(
        name=name,
        kind=kind,
        items=items,
        targets=targets,
        classes=classes,
        ids=[example.name for example in examples],
        groups=_groups(examples),
        split=published([example.part for example in examples], name),
        properties=facts,
        faults=tuple(faults),
        rate=rate,
    )


def _groups(examples: list[Example]) -> np.ndarray | None:
    if not any(example.group for example in examples):
        return None
    # an example without a group is a group of its own, never one big group of strangers
    return np.array([example.group or example.name for example in examples])
