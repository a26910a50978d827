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
        metrics.check_metric(self.metric, METRICS)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.keys),)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return METRICS

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        return KEPT

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
        """What was kept of every frame (n, t, 4), and the frames (n, t, keys)."""
        return output.double().numpy(), y.numpy()

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002  part of what was kept
        return output[..., 0].nanmean()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Minus the mean negative log-likelihood of each row's frames."""
        return -statistics["nll"] / statistics["frames"]

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """How well each row was foretold, in nats a frame."""
        kept = self.statistics(output, output)
        rows = ({name: values[[row]] for name, values in kept.items()} for row in range(len(output)))
        return [self.score_from(row) | {"frames": int(row["frames"][0])} for row in rows]


def _nll(output: Tensor, y: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(output, y, reduction="none").sum(-1)


def _accuracy(kept: metrics.Statistics) -> float:
    """Keys rightly on over all that were on in truth or in the answer (Bay, Ehmann and Downie 2009)."""
    hits = kept["hits"].sum()
    return float(hits / max(hits + kept["misses"].sum(), 1))


KEPT: Mapping[str, metrics.Statistic] = {  # sums over the frames of a row that were asked
    "nll": lambda p, y: np.nansum(p[..., 0], 1),  # noqa: ARG005
    "hits": lambda p, y: np.nansum(p[..., 1], 1),  # noqa: ARG005  keys rightly on
    "misses": lambda p, y: np.nansum(p[..., 2:], (1, 2)),  # noqa: ARG005  wrongly on or off
    "frames": lambda p, y: (~np.isnan(p[..., 0])).sum(1),  # noqa: ARG005
}
METRICS = {
    "nll": metrics.ratio_of("nll", "frames", higher_is_better=False, rope=0.05),
    "accuracy": metrics.Metric(_accuracy, ("hits", "misses"), percent=True),
}
