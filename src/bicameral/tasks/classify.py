"""One label, or several labels, an example."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bicameral.tasks import metrics
from bicameral.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Classify(Task):
    """Exactly one class an example: softmax and cross-entropy."""

    name: ClassVar[str] = "classify"
    classes: tuple[str, ...]
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, metrics.CLASSIFY)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return metrics.CLASSIFY

    def loss(
        self, output: Tensor, y: Tensor, *, smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        return nn.functional.cross_entropy(output, y, weight=class_weights, label_smoothing=smoothing)

    def loss_weight(self, y: Tensor, class_weights: Tensor | None = None) -> float:
        return float(len(y)) if class_weights is None else class_weights[y].sum().item()

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return output.double().softmax(-1).numpy(), y.numpy()

    def per_example(self, output: Tensor, y: Tensor) -> np.ndarray:
        """1 for a hit, 0 for a miss."""
        return (output.argmax(-1) == y).double().numpy()

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        probabilities = output.double().softmax(-1)
        return [
            {
                "class": self.classes[int(row.argmax())],
                "probability": row.max().item(),
                "probabilities": dict(zip(self.classes, row.tolist(), strict=True)),
            }
            for row in probabilities
        ]


@dataclass(frozen=True, kw_only=True)
class MultiLabel(Task):
    """Any number of classes an example: a sigmoid each and binary cross-entropy."""

    name: ClassVar[str] = "multilabel"
    classes: tuple[str, ...]
    metric: str = "macro_f1"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, metrics.MULTILABEL)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return metrics.MULTILABEL

    def loss(
        self, output: Tensor, y: Tensor, *, smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        target = y.to(output.dtype) * (1 - smoothing) + smoothing / 2
        return nn.functional.binary_cross_entropy_with_logits(output, target, pos_weight=class_weights)

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return output.double().sigmoid().numpy(), y.numpy().astype(bool)

    def per_example(self, output: Tensor, y: Tensor) -> np.ndarray:
        """Share of the labels that are right."""
        return ((output > 0) == y.bool()).double().mean(-1).numpy()

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        return [
            {
                "classes": [name for name, value in zip(self.classes, row, strict=True) if value > 0.5],
                "probabilities": dict(zip(self.classes, row, strict=True)),
            }
            for row in output.double().sigmoid().tolist()
        ]
