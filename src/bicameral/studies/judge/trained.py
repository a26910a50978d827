"""Was a model trained enough to be judged? Steps, epochs and seconds, and what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Means over the replicates; `why_not` is empty where the model may be judged."""

    steps: float | None = None  # None where nothing is trained step by step
    epochs: float | None = None
    seconds: float | None = None
    why_not: str = ""


def how_trained(records: Sequence[Record], *, rope: float, mean: float, guess: float | None) -> Trained:
    """Read it off the whole replicates of a model.

    mean   its judged score
    guess  that of a model which looks at nothing, if one took part
    """
    seconds = float(np.mean([line["train_seconds"] for line in records])) if records else None
    runs = [line["history"] for line in records if "history" in line]
    if not runs:
        return Trained(seconds=seconds)
    epochs = float(np.mean([run["epochs"] for run in runs]))
    return Trained(
        steps=float(np.mean([run["steps"] for run in runs])),
        epochs=epochs,
        seconds=seconds,
        why_not=_why_not(runs, epochs, rope, _is_guessing(records, mean, guess)),
    )


def _is_guessing(records: Sequence[Record], mean: float, guess: float | None) -> bool:
    above = [found for line in records if (found := line.get("above_guessing")) is not None]
    return float(np.mean(above)) <= 0 if above else guess is not None and mean <= guess


def _why_not(runs: Sequence[Record], epochs: float, rope: float, guessing: bool) -> str:
    if epochs < 1:
        return f"it saw {100 * epochs:.0f} % of the training examples once"
    if guessing:
        return "it does no better than guessing"
    rises = [rise for run in runs if (rise := _last_rise(run)) is not None]
    if len(rises) > len(runs) / 2 and float(np.mean(rises)) > rope:
        return "it was still getting better when its time was up"
    return ""


def _last_rise(run: Record) -> float | None:
    """By how much the last validation was the best; None where it was not."""
    scores = [point["score"] for point in run["val"] if point["score"] is not None]
    if len(scores) < 2 or scores[-1] <= max(scores[:-1]):
        return None
    return scores[-1] - max(scores[:-1])
