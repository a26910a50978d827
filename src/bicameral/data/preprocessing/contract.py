"""What every preprocessing is: a frozen record of what was fitted on training examples, applied to any."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from bicameral.data.dataset import Kind, Layout
from bicameral.errors import DataError

Frames = Iterable[tuple[np.ndarray, np.ndarray]]  # frames (k ...) in order, and the k streams each belongs to


class Framer(ABC):
    """Prepares streams piece by piece: the frames, end to end, are the preprocessing of everything so far.

    One that keeps nothing between pieces needs `push` alone.
    """

    axes: ClassVar[int]  # of a piece of one stream
    shape: ClassVar[str]  # of it, for messages
    dtype: ClassVar[Any] = np.float32  # of a piece; None: as it comes

    @abstractmethod
    def push(self, piece: Any, rows: np.ndarray) -> Frames:
        """Take in the next piece of each of the streams `rows` and give the frames it completes."""

    def rest(self, fresh: np.ndarray) -> Frames:  # noqa: ARG002
        """Give the frames that would follow if the data ended here; `fresh` are the streams without any."""
        return ()

    def reset(self, rows: np.ndarray) -> None:  # noqa: ARG002
        """Begin the streams `rows` anew."""
        return

    def state(self) -> dict[str, np.ndarray]:
        """Return what is held back until more comes in."""
        return {}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:  # noqa: ARG002
        """Take over what `state` returned."""
        return


@dataclass(frozen=True, kw_only=True)
class Preprocessing(ABC):
    """Turns one raw item into the array a network receives; holds numbers, texts and tuples of them only."""

    kind: ClassVar[Kind]

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """The prepared example, its time axis as long as the longest training example."""

    @abstractmethod
    def __call__(self, item: Any) -> np.ndarray:
        """Prepare one raw item."""

    def framer(self, num_streams: int) -> Framer:  # noqa: ARG002
        """Return what prepares `num_streams` of these, each coming in piece by piece."""
        raise DataError(f"data of the kind {self.kind} come whole, not as a stream; use predict")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values from which `preprocessing_from_dict` builds an equal object."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"kind": self.kind, **plain}
