"""What happened in a training run: curves, costs and why it ended."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

StoppedBy = Literal["", "budget", "patience", "diverged", "callback"]


@dataclass(frozen=True)
class Point:
    """One point of a curve; seconds are device-seconds since the start."""

    step: int
    seconds: float
    loss: float | None  # None where it is no number
    score: float | None = None  # the task's headline metric, higher is better; validation only

    @property
    def merit(self) -> tuple[float, float]:
        """What the better weights have more of: score, then, among equals, minus the loss."""
        return (_or_worst(self.score), _or_worst(None if self.loss is None else -self.loss))


@dataclass(kw_only=True)
class History:
    """JSON-able record of a run."""

    train: list[Point] = field(default_factory=list)
    val: list[Point] = field(default_factory=list)
    best_step: int | None = None
    best_score: float | None = None
    steps: int = 0
    epochs: float = 0.0
    seconds: float = 0.0  # training and validation: what the budget counts
    validation_seconds: float = 0.0  # part of `seconds`
    data_seconds: float = 0.0  # beside `seconds`: waiting for batches
    compile_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    compiled: bool = False
    world: int = 1  # processes that shared each batch
    resumed: int = 0  # times the run was taken up again from a checkpoint
    stopped_by: StoppedBy = ""
    reason: str = ""  # one sentence, where the run failed

    @property
    def failed(self) -> bool:
        """Whether the run counts as a failure."""
        return self.stopped_by == "diverged"

    def to_dict(self) -> dict[str, Any]:
        """JSON of the record; `history_from_dict` reads it."""
        return asdict(self)


def finite(number: float) -> float | None:
    """Return the number, or None where it is infinite or not a number, which JSON cannot say."""
    return number if math.isfinite(number) else None


def _or_worst(number: float | None) -> float:
    return -math.inf if number is None else number


def history_from_dict(record: dict[str, Any]) -> History:
    """Read what `History.to_dict` gave."""
    curves = {name: [Point(**point) for point in record[name]] for name in ("train", "val")}
    return History(**{**record, **curves})
