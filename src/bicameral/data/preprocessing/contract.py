"""What every preprocessing is: a frozen record of what was fitted on training examples, applied to any."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from bicameral.data.dataset import Kind, Layout


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

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values from which `preprocessing_from_dict` builds an equal object."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"kind": self.kind, **plain}
