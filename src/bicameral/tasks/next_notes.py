"""The next frame of keys that are on or off, at every step from all that came before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.tasks import metrics
from bicameral.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class NextNotes(Task):
    """A sigmoid a key; the loss is summed over keys and averaged over frames, as is usual for music.

    Output (b, t, keys). Kept of it to be judged are, of every frame, its negative log-likelihood and how many
    keys were rightly on, wrongly on and wrongly off: (b, t, 4), NaN where nothing was asked.
    """

    name: ClassVar[str] = "next_notes"
    per_step: ClassVar[bool] = True
    augmentations: ClassVar = ("jitter",)  # the notes that follow would have to move too
    keys: tuple[str, ...]
    context: int  # frames of a training segment
    metric: str = "nll"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, NOTES)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.keys),)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return NOTES

    def loss(
        self,
        output: Float[Tensor, "b t k"],
        y: Float[Tensor, "b t k"],
        *,
        smoothing: float = 0.0,
        class_weights: Tensor | None = None,  # noqa: ARG002  no classes
    ) -> Tensor:
        asked = y[..., 0].isfinite()
        return _nll(output[asked], y[asked].to(output) * (1 - smoothing) + smoothing / 2).mean()

    def loss_weight(self, y: Float[Tensor, "b t k"], class_weights: Tensor | None = None) -> float:  # noqa: ARG002
        return float(y[..., 0].isfinite().sum())

    def judged(self, output: Float[Tensor, "b t k"], y: Float[Tensor, "b t k"]) -> Float[Tensor, "b t 4"]:
        on, true = output > 0, y > 0.5
        counts = [(on & true).sum(-1), (on & ~true).sum(-1), (~on & true).sum(-1)]
        kept = torch.stack([_nll(output, y.to(output)), *(count.to(output) for count in counts)], -1)
        return kept.masked_fill(~y[..., :1].isfinite(), torch.nan)

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """What was kept of every frame that was asked (n, 4), and the frames (n, keys)."""
        asked = ~output[..., 0].isnan()
        return output[asked].double().numpy(), y[asked].numpy()

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002  part of what was kept
        return output[..., 0].nanmean()

    def per_example(self, output: Tensor, y: Tensor) -> np.ndarray:  # noqa: ARG002
        """Minus the mean negative log-likelihood of each row's frames."""
        return -output[..., 0].double().nanmean(1).numpy()

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """How well each row was foretold, in nats a frame."""
        return [_told(row[~row[:, 0].isnan()].double().numpy()) for row in output]


def _nll(output: Tensor, y: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(output, y, reduction="none").sum(-1)


def _told(frames: np.ndarray) -> dict[str, Any]:
    return {name: metric.compute(frames, frames) for name, metric in NOTES.items()} | {"frames": len(frames)}


def _frame_accuracy(kept: np.ndarray, truth: np.ndarray) -> float:  # noqa: ARG001
    """Keys rightly on over all that were on in truth or in the answer (Bay, Ehmann and Downie 2009)."""
    hits, *misses = kept[:, 1:].sum(0)
    return float(hits / max(hits + sum(misses), 1))


NOTES = {
    "nll": metrics.Metric(lambda p, y: float(p[:, 0].mean()), higher_is_better=False, rope=0.05),  # noqa: ARG005
    "accuracy": metrics.Metric(_frame_accuracy, percent=True),
}
