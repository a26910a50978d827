"""Connectionist temporal classification: a text from more steps than it has letters.

Graves, Fernández, Gomez and Schmidhuber 2006, doi 10.1145/1143844.1143891. A path has one symbol a step; it
reads as the text that is left when repeats are merged first and blanks are dropped then.
"""

import math
from collections import defaultdict

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from bicameral.nn.masking import Lengths

BLANK = 0


def ctc_loss(
    logits: Float[Tensor, "b t c"], lengths: Lengths, targets: Int[Tensor, "b u"], sizes: Int[Tensor, " b"]
) -> Tensor:
    """Mean negative log-likelihood of the texts, in float32, each divided by its size.

    lengths  steps of each row of logits, after pooling
    targets  symbols 1 .. c - 1, padded behind `sizes`
    A text that cannot be said in its steps, one a letter and one between equal letters, counts zero.
    """
    steps = torch.full((len(logits),), logits.shape[1]) if lengths is None else lengths
    log_p = logits.float().log_softmax(-1).transpose(0, 1)
    return functional.ctc_loss(log_p, targets, steps.cpu(), sizes.cpu(), blank=BLANK, zero_infinity=True)


def greedy(logits: Float[Tensor, "b t c"], lengths: Lengths = None) -> list[list[int]]:
    """The text of the likeliest path."""
    steps = [logits.shape[1]] * len(logits) if lengths is None else lengths.tolist()
    return [merged(path[:count]) for path, count in zip(logits.argmax(-1).tolist(), steps, strict=True)]


def merged(path: list[int]) -> list[int]:
    """Merge repeats, then drop blanks: [1, 1, 0, 1] is [1, 1]."""
    return [now for before, now in zip([None, *path], path, strict=False) if now not in (before, BLANK)]


def beam_search(
    logits: Float[Tensor, "b t c"], lengths: Lengths = None, *, width: int = 16
) -> list[list[int]]:
    """The likeliest text of those that a beam of `width` prefixes keeps, over all paths that read as it."""
    steps = [logits.shape[1]] * len(logits) if lengths is None else lengths.tolist()
    log_p = logits.double().log_softmax(-1).tolist()
    return [_best(frames[:count], width) for frames, count in zip(log_p, steps, strict=True)]


def _best(frames: list[list[float]], width: int) -> list[int]:
    """Prefix search: log-likelihoods of each prefix by paths that end in a blank, and in its last symbol."""
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    for log_p in frames:
        grown: dict[tuple[int, ...], list[list[float]]] = defaultdict(lambda: [[], []])
        for prefix, (blank, symbol) in beam.items():
            either = _added(blank, symbol)
            grown[prefix][0].append(either + log_p[BLANK])
            if prefix:
                grown[prefix][1].append(symbol + log_p[prefix[-1]])
            for new in range(1, len(log_p)):
                again = bool(prefix) and prefix[-1] == new  # a repeat starts a new letter after a blank only
                grown[*prefix, new][1].append((blank if again else either) + log_p[new])
        scored = {prefix: (_added(*blank), _added(*symbol)) for prefix, (blank, symbol) in grown.items()}
        kept = sorted(scored, key=lambda prefix: -_added(*scored[prefix]))[:width]
        beam = {prefix: scored[prefix] for prefix in kept}
    return list(max(beam, key=lambda prefix: _added(*beam[prefix])))


def _added(*logs: float) -> float:
    """log of the sum of exponentials."""
    largest = max(logs, default=-math.inf)
    if largest == -math.inf:
        return largest
    return largest + math.log(sum(math.exp(value - largest) for value in logs))
