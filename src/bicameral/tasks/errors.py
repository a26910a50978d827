"""Where answers err: what a task says of them, example by example, for a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NUM_WORST = 12


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Answers judged one by one."""

    outcomes: np.ndarray  # (n,) a score each, higher is better
    worst: tuple[int, ...]  # places of the answers to show, worst first
    facts: tuple[Mapping[str, Any], ...]  # what is said of each of these
    confusion: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    residuals: Mapping[str, Any] | None = None
    frames: np.ndarray | None = None  # (n horizon c h w) answered clips, in the units of the data


def errors_of(outcomes: np.ndarray, rows: np.ndarray, apart: int = 1) -> Errors:
    """Judge by the outcome alone; of examples whose `rows` lie less than `apart` away, show one."""
    worst = _worst(outcomes, rows, apart)
    return Errors(
        outcomes=outcomes,
        worst=worst,
        facts=tuple({"error": float(-outcomes[place])} for place in worst),
        residuals={"quantiles": np.quantile(-outcomes, [0, 0.25, 0.5, 0.75, 0.95, 1]).tolist()},
    )


def _worst(outcomes: np.ndarray, rows: np.ndarray, apart: int) -> tuple[int, ...]:
    """Places of the lowest outcomes, windows that forecast the same stretch only once."""
    shown: list[int] = []
    for place in np.argsort(outcomes, kind="stable"):
        if len(shown) < NUM_WORST and all(abs(rows[place] - rows[other]) >= apart for other in shown):
            shown.append(int(place))
    return tuple(shown)
