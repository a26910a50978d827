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
        metrics.check_metric(self.metric, TOKENS)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.num_tokens,)

    @property
    def table(self) -> Mapping[str, metrics.Metric]:
        return TOKENS

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
        """What was kept of every step that was asked (n, 2), and the tokens (n,)."""
        asked = ~output[..., 0].isnan()
        return output[asked].double().numpy(), y[asked].numpy()

    def held_out_loss(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002  part of what was kept
        return -output[..., 0].nanmean()

    def per_example(self, output: Tensor, y: Tensor) -> np.ndarray:  # noqa: ARG002
        """Mean log-probability of each row's tokens."""
        return output[..., 0].double().nanmean(1).numpy()

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """How well each row was foretold, in nats a token."""
        return [_told(row[~row[:, 0].isnan()].double().numpy()) for row in output]


def _told(steps: np.ndarray) -> dict[str, Any]:
    return {name: metric.compute(steps, steps) for name, metric in TOKENS.items()} | {"tokens": len(steps)}


def _nats(kept: np.ndarray, truth: np.ndarray) -> float:  # noqa: ARG001
    return float(-kept[:, 0].mean())


TOKENS = {
    "nats": metrics.Metric(_nats, higher_is_better=False),
    "bits": metrics.Metric(lambda p, y: _nats(p, y) / float(np.log(2)), higher_is_better=False),
    "perplexity": metrics.Metric(lambda p, y: float(np.exp(_nats(p, y))), higher_is_better=False),
    "accuracy": metrics.Metric(lambda p, y: float(p[:, 1].mean()), percent=True),  # noqa: ARG005
}
