"""What a network says to a frame."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from bicameral.data.preprocessing import Preprocessing
from bicameral.data.preprocessing.text import NUM_RESERVED, TextPreprocessing
from bicameral.tasks import Task
from bicameral.tasks.next_notes import NextNotes

MOST_LIKELY = 5  # tokens that are named


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
        outputs = self.outputs.float().cpu()
        if not self.task.per_step:
            return self.task.decode(outputs) if len(self) else []
        if isinstance(self.task, NextNotes):
            return [_keys(row, self.task) for row in outputs.double().sigmoid()]
        assert isinstance(self.preprocessing, TextPreprocessing)
        return [_tokens(row, self.preprocessing.vocabulary) for row in outputs.double().softmax(-1)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.readable[index]


def _tokens(probabilities: Float[Tensor, " v"], vocabulary: tuple[str, ...]) -> dict[str, Any]:
    known = probabilities[NUM_RESERVED:]  # what can be written: neither padding nor unknown
    likeliest = known.topk(min(MOST_LIKELY, len(known)))
    named = {
        vocabulary[place]: value
        for place, value in zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    }
    token = next(iter(named))
    return {"token": token, "probability": named[token], "probabilities": named}


def _keys(probabilities: Float[Tensor, " k"], task: NextNotes) -> dict[str, Any]:
    named = dict(zip(task.keys, probabilities.tolist(), strict=True))
    return {"on": [key for key, value in named.items() if value > 0.5], "probabilities": named}
