"""Several labels an example."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bicameral.tasks import metrics
from bicameral.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class MultiLabel(Task):
    """Any number of classes an example: a sigmoid each and binary cross-entropy."""

    name: ClassVar[str] = "multilabel"
    classes: tuple[str, ...]
    metric: str = "macro_f1"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return METRICS

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        return KEPT

    def loss(
        self, output: Tensor, y: Tensor, *, smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        target = y.to(output.dtype) * (1 - smoothing) + smoothing / 2
        return nn.functional.binary_cross_entropy_with_logits(output, target, pos_weight=class_weights)

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return output.double().sigmoid().numpy(), y.numpy().astype(bool)

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Share of the labels that are right."""
        return statistics["hamming"]

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        return [
            {
                "classes": [name for name, value in zip(self.classes, row, strict=True) if value > 0.5],
                "probabilities": dict(zip(self.classes, row, strict=True)),
            }
            for row in output.double().sigmoid().tolist()
        ]


KEPT: Mapping[str, metrics.Statistic] = {
    "truth": lambda p, y: y,  # noqa: ARG005  (n, classes)
    "predicted": lambda p, y: p > 0.5,  # noqa: ARG005  (n, classes)
    "exact_match": lambda p, y: ((p > 0.5) == y).all(-1),
    "hamming": lambda p, y: ((p > 0.5) == y).mean(-1),
}
METRICS = {
    "macro_f1": metrics.Metric(metrics.macro_f1, ("predicted", "truth"), percent=True),
    "exact_match": metrics.mean_of("exact_match", percent=True),
    "hamming": metrics.mean_of("hamming", percent=True),
}
