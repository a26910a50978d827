"""Who takes part in a race: the table beside this file, by what is asked of the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from bicameral import registry
from bicameral.data.dataset import Dataset, Layout
from bicameral.data.examples.segments import is_continued

Way = Literal["trivial", "solved", "trained"]
COLOURS = 3  # channels of a picture of natural things, which may be mirrored


@dataclass(frozen=True)
class Contestant:
    """A model with its settings and, of a network, how many epochs it needs."""

    model: str
    way: Way
    overrides: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    epochs: tuple[float, float] = (0, 0)  # fewest worth starting for, enough
    until: float = 0.5  # share of the budget after which it is no longer solved

    @property
    def name(self) -> str:
        """The model, with the settings that tell it from its default."""
        return " ".join([self.model, *(f"{name}={value}" for name, value in self.overrides.items())])


def contestants(kind: str) -> list[Contestant]:
    """Return who is tried on data of this kind, in order; what is not installed is left out."""
    table = _table()[kind]
    until = {"until": table["until"]} if "until" in table else {}
    rules = [Contestant(name, way, **until) for way in ("trivial", "solved") for name in table[way]]
    trained = [
        Contestant(**{**row, "way": "trained", "epochs": tuple(row["epochs"])}) for row in table["trained"]
    ]
    known = registry.names()
    return [contestant for contestant in (*rules, *trained) if contestant.model in known]


def kind_of(dataset: Dataset, layout: Layout | None = None) -> str:
    """What is asked of data as they were read: their kind, or what is to follow.

    layout  of the prepared examples, where it is known: it tells colour pictures
    """
    if is_continued(dataset):
        return f"next {dataset.kind}"
    if dataset.targets is None:
        return "next clip" if dataset.kind == "clip" else "forecast"
    if dataset.kind == "series" and _is_table(dataset, layout):
        return "table"
    if layout is not None and dataset.kind == "image" and layout.shape[0] == COLOURS:
        return "colour image"
    return dataset.kind


def _is_table(dataset: Dataset, layout: Layout | None) -> bool:
    """Whether examples are features: series of one step each."""
    if layout is not None:
        return layout.shape[0] == 1
    return all(len(item) == 1 for item in dataset.items)


@cache
def _table() -> Mapping[str, Any]:
    return yaml.safe_load(files("bicameral.training").joinpath("contestants.yaml").read_text("utf-8"))
