"""The next token of a text, at every step from all that came before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.data.preprocessing.text import NUM_RESERVED, PADDING, TextPreprocessing, Tokens
from bicameral.tasks import metrics, options
from bicameral.tasks.next_step import NextStep, cut_of

MOST_LIKELY = 5  # tokens that are named


@dataclass(frozen=True, kw_only=True)
class TokenOptions(options.Options):
    """What is asked of texts."""

    context: int | None = options.option(options.COUNT)
    unit: str | None = options.option(options.UNIT)


@registry.task
@dataclass(frozen=True, kw_only=True)
class NextToken(NextStep):
    """Softmax and cross-entropy at every step; padding is not asked for.

    Output (b, t, num_tokens). Kept of it to be judged are, of every step, the log-probability of the token
    that came and whether it was the likeliest: (b, t, 2), NaN where nothing was asked.
    """

    name: ClassVar[str] = "next_token"
    Options: ClassVar = TokenOptions
    writes: ClassVar[bool] = True
    counted: ClassVar[str] = "tokens"
    num_tokens: int
    context: int  # steps of a training segment
    unit: Tokens
    metric: str = "nats"

    def __post_init__(self) -> None:
        metrics.check_metric(self.metric, METRICS)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return dataset.kind == "text" and is_continued(dataset)

    @classmethod
    def fitted(
        cls,
        dataset: Dataset,  # noqa: ARG003
        train: np.ndarray,  # noqa: ARG003
        preprocessing: Any,
        asked: TokenOptions,
    ) -> "NextToken":
        metric = {"metric": asked.metric} if asked.metric else {}
        return cls(num_tokens=preprocessing.layout.vocabulary, **cut_of(asked), **metric)

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

    def step_losses(self, output: Tensor) -> Tensor:
        return -output[..., 0]

    def draw(self, output: Tensor, temperature: float, generator: Generator) -> Tensor:
        output[:NUM_RESERVED] = -torch.inf  # neither padding nor what is unknown can be written
        if not temperature:
            return output.argmax()
        return torch.multinomial((output / temperature).softmax(-1), 1, generator=generator)[0]

    def answers(self, output: Tensor, preprocessing: TextPreprocessing) -> list[dict[str, Any]]:
        """The likeliest tokens."""
        return [_likeliest(row, preprocessing.vocabulary) for row in output.double().softmax(-1)]


def _likeliest(probabilities: Float[Tensor, " v"], vocabulary: tuple[str, ...]) -> dict[str, Any]:
    known = probabilities[NUM_RESERVED:]  # what can be written: neither padding nor unknown
    likeliest = known.topk(min(MOST_LIKELY, len(known)))
    named = {
        vocabulary[place]: value
        for place, value in zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    }
    token = next(iter(named))
    return {"token": token, "probability": named[token], "probabilities": named}


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
