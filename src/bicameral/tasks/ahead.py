"""What tasks over windows share: a look-back is read, the `horizon` steps or frames after it are answered."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import Horizons, windows
from bicameral.errors import ConfigError, DataError
from bicameral.registry import Entry
from bicameral.tasks import options
from bicameral.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class AheadOptions(options.Options):
    """How series and clips are cut into windows."""

    lookback: int | None = options.option(options.COUNT)
    horizon: int | None = options.option(options.COUNT)
    stride: int | None = options.option(options.COUNT)
    borders: tuple[int, ...] | None = options.option(options.BORDERS)


class Ahead(Task):
    """A task that asks what follows the end of what is read."""

    overlapping: ClassVar[bool] = True
    lookback: int
    horizon: int

    @classmethod
    def examples(cls, dataset: Dataset, asked: Any) -> Dataset:
        given = {"target_columns": asked.given.get("targets")}
        given |= {key: asked.given[key] for key in ("stride", "borders", "pixels") if key in asked.given}
        if "season" in asked.given and len(dataset) > 1:
            given["season"] = asked.given["season"]
        return windows(dataset, lookback=asked.lookback, horizon=asked.horizon, **given)

    @property
    def needed(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]  read only
        return self.lookback

    def model_fields(self, entry: Entry) -> dict[str, Any]:
        return {"horizon": self.horizon} if entry.gives == "forecast" else super().model_fields(entry)

    def to_answer(self, dataset: Dataset) -> Dataset:
        """The look-back at the end of each series or clip."""
        if dataset.targets is not None:
            return dataset
        shortest = min(len(item) for item in dataset.items)
        if shortest < self.lookback:
            raise DataError(
                f"a {dataset.kind} of {dataset.name} has {shortest} steps; "
                f"a forecast looks back {self.lookback}"
            )
        return replace(dataset, items=[item[-self.lookback :] for item in dataset.items], times=None)

    def _check_spans(self) -> None:
        if self.horizon < 1 or self.lookback < 1:
            raise ConfigError(f"horizon and lookback are at least 1, not {self.horizon} and {self.lookback}")


def is_to_come(dataset: Dataset) -> bool:
    """Whether what follows is asked for: nothing is labelled, or windows were cut already."""
    return dataset.targets is None or isinstance(dataset.targets, Horizons)


def shortest_of(dataset: Dataset) -> int:
    """Steps of the shortest series or clip."""
    return int(np.min([len(item) for item in dataset.items]))
