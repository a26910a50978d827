"""The next token of a text, at every step from all that came before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.data.preprocessing.text import PADDING, Tokens
from bicameral.tasks import metrics
from bicameral.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class NextToken(Task):
    """Softmax and cross-entropy at every step; padding is not asked for.

    Output (b, t, num_tokens). Kept of it to be judged are, of every step, the log-probability of the token
    that came and whether it was the likeliest: (b, t, 2), NaN where nothing was asked.
    """

    name: ClassVar[str] = "next_token"
    per_step: ClassVar[bool] = True
    num_tokens: int
    context: int  # steps of a training segment
    unit: Tokens
    metric: str = "nats"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.num_tokens,)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return METRICS

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        return KEPT

    def loss(
        self,
        output: Float[Tensor, "b t v"],
        y: Int[Tensor, "b t"],
        *,
        smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        flat = output.flatten(0, 1), y.flatten()
        return nn.functional.cross_entropy(
            *flat, weight=class_weights, ignore_index=PADDING, label_smoothing=smoothing
        )

    def loss_weight(self, y: Int[Tensor, "b t"], class_weights: Tensor | None = None) -> float:
        asked = y[y != PADDING]
        return float(len(asked)) if class_weights is None else class_weights[asked].sum().item()

    def judged(self, output: Float[Tensor, "b t v"], y: Int[Tensor, "b t"]) -> Float[Tensor, "b t 2"]:
        log_p = output.log_softmax(-1).gather(-1, y[..., None])[..., 0]
        kept = torch.stack([log_p, (output.argmax(-1) == y).to(output)], -1)
        return kept.masked_fill((y == PADDING)[..., None], torch.nan)

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """What was kept of every step (n, t, 2), and the tokens (n, t)."""
        return output.double().numpy(), y.numpy()

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002  part of what was kept
        return -output[..., 0].nanmean()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Mean log-probability of each row's tokens."""
        return -statistics["nats"] / statistics["tokens"]

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """How well each row was foretold, in nats a token."""
        kept = self.statistics(output, output)
        rows = ({name: values[[row]] for name, values in kept.items()} for row in range(len(output)))
        return [self.score_from(row) | {"tokens": int(row["tokens"][0])} for row in rows]


def _nats(kept: metrics.Statistics) -> float:
    return metrics.ratio(kept["nats"].sum(), kept["tokens"].sum())


KEPT: Mapping[str, metrics.Statistic] = {  # sums over the steps of a row that were asked
    "nats": lambda p, y: -np.nansum(p[..., 0], 1),  # noqa: ARG005
    "correct": lambda p, y: np.nansum(p[..., 1], 1),  # noqa: ARG005
    "tokens": lambda p, y: (~np.isnan(p[..., 0])).sum(1),  # noqa: ARG005
}
NEEDS = ("nats", "tokens")
METRICS = {
    "nats": metrics.Metric(_nats, NEEDS, higher_is_better=False),
    "bits": metrics.Metric(lambda kept: _nats(kept) / float(np.log(2)), NEEDS, higher_is_better=False),
    "perplexity": metrics.Metric(lambda kept: float(np.exp(_nats(kept))), NEEDS, higher_is_better=False),
    "accuracy": metrics.ratio_of("correct", "tokens", percent=True),
}
