"""What models that answer a task by themselves share: which question it is, and logits of their shares."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

Loss = Callable[[Float[Tensor, "n k"], Int[np.ndarray, " n"]], float]
Targets = Shaped[np.ndarray, "n k"]  # bool of classes and labels, float of standardised numbers
ONE_CLASS, LABELS, NUMBERS = "classify", "multilabel", "regress"
SCALES = np.logspace(-1.5, 1.5, 31).tolist()  # of logits


def as_labels(targets: Targets, question: str) -> np.ndarray:
    """Targets as scikit-learn takes them: class numbers (n,), labels (n k) or numbers (n,) or (n k)."""
    if question == ONE_CLASS:
        return targets.argmax(1)
    return targets.astype(np.int64 if question == LABELS else np.float64).squeeze(1 if targets.shape[1] == 1 else ())


def logits(share: Float[Tensor, "b k"], question: str, pseudo: float) -> Float[Tensor, "b k"]:
    """Shares of `1 / pseudo` votes as logits, each class given one vote more between them; numbers as they are."""
    if question == NUMBERS:
        return share
    share = (share.clamp(0, 1) + pseudo / 2) / (1 + pseudo)
    return share.log() if question == ONE_CLASS else share.logit()


def best(candidates: Any, score: Callable[[Any], float]) -> Any:
    """The first candidate of the least score; of scores that are no numbers, the first candidate."""
    scores = [score(candidate) for candidate in candidates]
    return candidates[int(np.nanargmin(scores))] if np.isfinite(scores).any() else candidates[0]


def best_scale(output: Float[Tensor, "n k"], rows: Int[np.ndarray, " n"], loss: Loss) -> float:
    """The factor that makes logits likeliest."""
    return best(SCALES, lambda scale: loss(scale * output, rows))


def constant(targets: Targets, question: str) -> Float[Tensor, " k"]:
    """Logits of how often classes or labels occur, or the mean of numbers."""
    mean = torch.from_numpy(targets.mean(0))
    return mean if question == NUMBERS else logits(mean, question, 1 / max(1, len(targets)))
