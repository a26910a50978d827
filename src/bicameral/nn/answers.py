"""What models that answer a task by themselves share: which question it is, and logits of their shares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from bicameral.errors import ConfigError

Loss = Callable[[Float[Tensor, "n k"], Int[np.ndarray, " n"]], float]
Targets = Shaped[np.ndarray, "n k"]  # bool of classes and labels, float of standardised numbers
ONE_CLASS, LABELS, NUMBERS = "classify", "multilabel", "regress"
SCALES = np.logspace(-1.5, 1.5, 31).tolist()  # of logits


@dataclass(frozen=True, kw_only=True)
class AnswerConfig:
    """What the task fills in."""

    num_outputs: int = 2  # classes, labels or numbers
    question: str = ONE_CLASS  # the name of the task

    def __post_init__(self) -> None:
        if self.num_outputs < 1:
            raise ConfigError(f"num_outputs is {self.num_outputs}; expected a whole number of at least 1")


def logits(share: Float[Tensor, "*b k"], question: str, pseudo: float) -> Float[Tensor, "*b k"]:
    """Shares of `1 / pseudo` votes as logits, none of them infinite; numbers as they are."""
    if question == NUMBERS:
        return share
    share = (share.clamp(0, 1) + pseudo / 2) / (1 + pseudo)
    return share.log() if question == ONE_CLASS else share.logit()


def best(candidates: Any, score: Callable[[Any], float]) -> Any:
    """The first candidate of the least score; of scores that are no numbers, the first candidate."""
    if len(candidates) == 1:
        return candidates[0]
    scores = [score(candidate) for candidate in candidates]
    return candidates[int(np.nanargmin(scores))] if np.isfinite(scores).any() else candidates[0]


def best_scale(output: Float[Tensor, "n k"], rows: Int[np.ndarray, " n"], loss: Loss) -> float:
    """The factor that makes logits likeliest."""
    return best(SCALES, lambda scale: loss(scale * output, rows))


def constant(targets: Targets, question: str) -> Float[Tensor, " k"]:
    """Logits of how often classes or labels occur, or the mean of numbers."""
    mean = torch.from_numpy(targets.mean(0))
    return mean if question == NUMBERS else logits(mean, question, 1 / max(1, len(targets)))


def drawn_seed() -> int:
    """A seed for scikit-learn out of PyTorch's generator, which whoever solves has seeded."""
    return int(torch.randint(2**31 - 1, ()))
