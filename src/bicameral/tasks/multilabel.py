"""Several labels an example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.tasks import metrics
from bicameral.tasks.labelled import Labelled
from bicameral.tasks.task import weighted_mean


@registry.task
@dataclass(frozen=True, kw_only=True)
class MultiLabel(Labelled):
    """Any number of classes an example: a sigmoid each and binary cross-entropy."""

    name: ClassVar[str] = "multilabel"
    classes: tuple[str, ...]
    metric: str = "macro_f1"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return bool(dataset.classes) and dataset.has_several_labels

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

    def class_weights(self, y: Tensor) -> Tensor | None:
        """Absent over present: the weight of a presence."""
        present = y.sum(0).clamp(min=1)
        return ((len(y) - present) / present).float().clamp(min=1e-3)

    def renumbered(self, targets: np.ndarray, place: np.ndarray) -> np.ndarray:
        found = np.zeros((len(targets), len(self.classes)), targets.dtype)
        found[:, place] = targets
        return found

    def ridge_targets(self, y: Tensor) -> Tensor:
        return 2 * y.double() - 1

    def mixed(self, outputs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """Average the probabilities that logits stand for."""
        return torch.logit(weighted_mean([output.sigmoid() for output in outputs], weights), eps=1e-7)

    def guess(self, y: Tensor) -> Tensor:
        """The labels that more than half of the examples have."""
        return y.float().mean(0) - 0.5

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
    "truth": lambda p, y: y,  # noqa: ARG005
    "predicted": lambda p, y: p > 0.5,  # noqa: ARG005
    "exact_match": lambda p, y: ((p > 0.5) == y).all(-1),
    "hamming": lambda p, y: ((p > 0.5) == y).mean(-1),
}
METRICS = {
    "macro_f1": metrics.Metric(metrics.macro_f1, ("predicted", "truth"), percent=True),
    "exact_match": metrics.mean_of("exact_match", percent=True),
    "hamming": metrics.mean_of("hamming", percent=True),
}
