"""What a probe found: an effect with its interval, the same test on nothing, and a plain sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

TELLING = 3.0  # points; an effect that is surely smaller does not matter to the choice of a family


class Effect(NamedTuple):
    """A mean over replicates with its 95 % interval."""

    effect: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.effect:.1f} [{self.low:.1f}, {self.high:.1f}]"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One measured inductive bias. The null interval is that of the same test where nothing was changed."""

    name: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    unit: str = "points"
    sentence: str = ""
    control: Mapping[str, Any] | None = None  # name, effect, low, high of what cannot notice
    statistic: Mapping[str, Any] | None = None  # name, value and null of the measure without training
    refuted: bool = False  # whether something else than the effect speaks against the bias
    skipped: str | None = None
    replicates: int = 0
    steps: int = 0

    @property
    def found(self) -> bool:
        """Whether the effect is surely above zero and larger than its null."""
        if self.refuted or self.effect is None or self.low is None or self.null_high is None:
            return False
        return self.low > 0 and self.effect > self.null_high

    def to_dict(self) -> dict[str, Any]:
        """Return JSON."""
        return {**asdict(self), "found": self.found}


def interval(values: Sequence[float]) -> Effect:
    """Student's 95 % interval of the mean of replicates."""
    sample = np.asarray(values, float)
    spread = stats.sem(sample) * stats.t.ppf(0.975, len(sample) - 1)
    return Effect(float(sample.mean()), float(sample.mean() - spread), float(sample.mean() + spread))


def verdict(effect: Effect, null: Effect, learned: bool, *, yes: str, no: str) -> str:
    """Say yes, no, or that this test cannot tell."""
    if effect.low > 0 and effect.effect > null.high:
        return yes
    if not learned:
        return "undecided, for the network has not learned more than guessing"
    return no if effect.high < TELLING else "undecided: more data or a longer probe would tell"


def control(name: str, effect: Effect) -> dict[str, Any]:
    """The field `control` of a probe."""
    return {"name": name, **effect._asdict()}
