"""The next frame of keys that are on or off, at every step from all that came before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.tasks import metrics, options
from bicameral.tasks.next_step import NextStep, cut_of


@dataclass(frozen=True, kw_only=True)
class NotesOptions(options.Options):
    """What is asked of keys that are on or off."""

    context: int | None = options.option(options.COUNT)


@registry.task
@dataclass(frozen=True, kw_only=True)
class NextNotes(NextStep):
    """A sigmoid a key; the loss is summed over keys and averaged over frames, as is usual for music.

    Output (b, t, keys). Kept of it to be judged are, of every frame, its negative log-likelihood and how many
    keys were rightly on, wrongly on and wrongly off: (b, t, 4), NaN where nothing was asked.
    """

    name: ClassVar[str] = "next_notes"
    Options: ClassVar = NotesOptions
    counted: ClassVar[str] = "frames"
    augmentations: ClassVar = ("jitter",)  # the notes that follow would have to move too
    keys: tuple[str, ...]
    context: int  # frames of a training segment
    metric: str = "nll"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return dataset.kind == "series" and is_continued(dataset)

    @classmethod
    def fitted(
        cls,
        dataset: Dataset,
        train: np.ndarray,  # noqa: ARG003
        preprocessing: Any,  # noqa: ARG003
        asked: NotesOptions,
    ) -> "NextNotes":
        metric = {"metric": asked.metric} if asked.metric else {}
        return cls(keys=dataset.columns, context=cut_of(asked)["context"], **metric)

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
        class_weights: Tensor | None = None,  # noqa: ARG002
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

    def step_losses(self, output: Tensor) -> Tensor:
        return output[..., 0]

    def draw(self, output: Tensor, temperature: float, generator: Generator) -> Tensor:
        chance = (output / temperature).sigmoid() if temperature else (output > 0).double()
        return torch.bernoulli(chance, generator=generator).float()

    def answers(self, output: Tensor, preprocessing: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """The keys that are on, and how likely each of them is."""
        return [self._named(row) for row in output.double().sigmoid().tolist()]

    def _named(self, probabilities: list[float]) -> dict[str, Any]:
        named = dict(zip(self.keys, probabilities, strict=True))
        return {"on": [key for key, value in named.items() if value > 0.5], "probabilities": named}


def _nll(output: Tensor, y: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(output, y, reduction="none").sum(-1)


def _accuracy(kept: metrics.Statistics) -> float:
    """Keys rightly on over all that were on in truth or in the answer (Bay, Ehmann and Downie 2009)."""
    hits = kept["hits"].sum()
    return float(hits / max(hits + kept["misses"].sum(), 1))


KEPT: Mapping[str, metrics.Statistic] = {  # sums over the frames of a row that were asked
    "nll": lambda p, y: np.nansum(p[..., 0], 1),  # noqa: ARG005
    "hits": lambda p, y: np.nansum(p[..., 1], 1),  # noqa: ARG005
    "misses": lambda p, y: np.nansum(p[..., 2:], (1, 2)),  # noqa: ARG005
    "frames": lambda p, y: (~np.isnan(p[..., 0])).sum(1),  # noqa: ARG005
}
METRICS = {
    "nll": metrics.ratio_of("nll", "frames", higher_is_better=False, rope=0.05),
    "accuracy": metrics.Metric(_accuracy, ("hits", "misses"), percent=True),
}
