"""One class an example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.tasks import metrics
from bicameral.tasks.errors import NUM_WORST, Errors
from bicameral.tasks.labelled import Labelled
from bicameral.tasks.task import weighted_mean

LEAST = 1e-12  # probability, so that its logarithm is finite
NUM_BINS, MOST_CLASSES = 10, 40  # of a reliability curve, and in a table of confusions


@registry.task
@dataclass(frozen=True, kw_only=True)
class Classify(Labelled):
    """Exactly one class an example: softmax and cross-entropy."""

    name: ClassVar[str] = "classify"
    classes: tuple[str, ...]
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return bool(dataset.classes) and not dataset.has_several_labels

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

    def class_weights(self, y: Tensor) -> Tensor | None:
        """Mean count over own count."""
        counts = torch.bincount(y, minlength=len(self.classes)).clamp(min=1)
        return (len(y) / (len(self.classes) * counts)).float()

    def strata(self, y: Tensor) -> Tensor:
        return y

    def renumbered(self, targets: np.ndarray, place: np.ndarray) -> np.ndarray:
        return place[targets]

    def ridge_targets(self, y: Tensor) -> Tensor:
        return 2 * nn.functional.one_hot(y, len(self.classes)).double() - 1

    def mixed(self, outputs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """Average the probabilities that logits stand for."""
        shares = weighted_mean([output.softmax(-1) for output in outputs], weights)
        return shares.clamp(min=LEAST).log()

    def guess(self, y: Tensor) -> Tensor:
        """The most frequent class."""
        return torch.bincount(y, minlength=len(self.classes)).float()

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

    def errors(self, output: Tensor, y: Tensor, rows: np.ndarray) -> Errors:  # noqa: ARG002
        """Confusions, a reliability curve, and the most confident mistakes."""
        kept = self.statistics(output, y)
        confidence, truth, predicted = (kept[name] for name in ("confidence", "truth", "predicted"))
        wrong = np.flatnonzero(kept["correct"] == 0)
        worst = wrong[np.argsort(-confidence[wrong])][:NUM_WORST]
        return Errors(
            outcomes=self.outcomes(kept),
            worst=tuple(worst.tolist()),
            facts=tuple(
                {
                    "true": self.classes[int(truth[place])],
                    "predicted": self.classes[int(predicted[place])],
                    "confidence": float(confidence[place]),
                }
                for place in worst
            ),
            confusion=_confusion(self.classes, kept) if len(self.classes) <= MOST_CLASSES else None,
            calibration=_calibration(kept),
        )


def _confusion(classes: tuple[str, ...], kept: metrics.Statistics) -> dict[str, Any]:
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (kept["truth"].astype(int), kept["predicted"].astype(int)), 1)
    return {"classes": list(classes), "counts": counts.tolist()}


def _calibration(kept: metrics.Statistics) -> dict[str, Any]:
    """Mean confidence and accuracy in bins of equal width."""
    confidence, correct = kept["confidence"], kept["correct"]
    bin_of = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    bins = [
        {
            "confidence": confidence[inside].mean(),
            "accuracy": correct[inside].mean(),
            "count": int(inside.sum()),
        }
        for inside in (bin_of == index for index in range(NUM_BINS))
        if inside.any()
    ]
    return {"bins": bins, "ece": metrics.expected_calibration_error(kept, NUM_BINS)}


def _log_loss(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return -np.log(np.clip(np.take_along_axis(probabilities, truth[:, None], 1)[:, 0], 1e-12, 1))


KEPT: Mapping[str, metrics.Statistic] = {
    "truth": lambda p, y: y,  # noqa: ARG005
    "predicted": lambda p, y: p.argmax(-1),  # noqa: ARG005
    "correct": lambda p, y: p.argmax(-1) == y,
    "confidence": lambda p, y: p.max(-1),  # noqa: ARG005
    "log_loss": _log_loss,
    "probabilities": lambda p, y: p,  # noqa: ARG005
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
