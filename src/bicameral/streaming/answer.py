"""What a network says to a frame."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from bicameral.data.preprocessing import Preprocessing
from bicameral.tasks import Task


class Answer(Sequence[dict[str, Any]]):
    """One readable answer a stream, as `Artifact.predict` gives it; none while nothing can be said yet.

    A task that asks what comes next at every step is answered with that: the likeliest tokens, the keys.

    rows     the streams that are answered, in the order of the answers
    outputs  (rows, *task.output_shape) of the network, on its device
    """

    def __init__(self, task: Task, preprocessing: Preprocessing, rows: np.ndarray, outputs: Tensor):
        self.task, self.preprocessing, self.rows, self.outputs = task, preprocessing, rows, outputs

    @cached_property
    def readable(self) -> list[dict[str, Any]]:
        """Decoded when asked for: that takes longer than many a network."""
        return self.task.answers(self.outputs.float().cpu(), self.preprocessing)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.readable[index]
