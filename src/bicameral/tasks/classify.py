"""One class an example."""

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
        return nn.functional.cross_entropy(output, y, weight=class_weights, label_smoothing=smoothing)

    def loss_weight(self, y: Tensor, class_weights: Tensor | None = None) -> float:
        return float(len(y)) if class_weights is None else class_weights[y].sum().item()

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return output.double().softmax(-1).numpy(), y.numpy()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """1 for a hit, 0 for a miss."""
        return statistics["correct"]

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


def _log_loss(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return -np.log(np.clip(np.take_along_axis(probabilities, truth[:, None], 1)[:, 0], 1e-12, 1))


KEPT: Mapping[str, metrics.Statistic] = {
    "truth": lambda p, y: y,  # noqa: ARG005
    "predicted": lambda p, y: p.argmax(-1),  # noqa: ARG005
    "correct": lambda p, y: p.argmax(-1) == y,
    "confidence": lambda p, y: p.max(-1),  # noqa: ARG005
    "log_loss": _log_loss,
    "probabilities": lambda p, y: p,  # noqa: ARG005  (n, classes)
}
METRICS = {
    "accuracy": metrics.mean_of("correct", percent=True),
    "balanced_accuracy": metrics.Metric(metrics.balanced_accuracy, ("correct", "truth"), percent=True),
    "macro_f1": metrics.Metric(metrics.macro_f1, ("predicted", "truth"), percent=True),
    "auroc": metrics.Metric(metrics.auroc, ("probabilities", "truth"), percent=True),
    "log_loss": metrics.mean_of("log_loss", higher_is_better=False, rope=0.02),
    "ece": metrics.Metric(
        metrics.expected_calibration_error, ("confidence", "correct"), higher_is_better=False
    ),
}
