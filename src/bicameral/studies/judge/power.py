"""What a study will be able to tell, before it has been run."""

import numpy as np
from scipy import stats

from bicameral.inference.crossed import WIDENING

DISAGREEMENT = 0.1  # share of the examples that one of two models alone answers rightly
ALIKE = 0.1  # correlation of examples in one group or block
FIT_SPREAD = 0.01  # deviation of a difference from one fit to the next


def half_width(
    judged: int,
    fits: int,
    *,
    units: int | None = None,
    spread: float | None = None,
    fit_spread: float = FIT_SPREAD,
    level: float = 0.95,
) -> float:
    """Return half of the width that the interval of a difference will likely have; inf for a single fit.

    judged      different examples that are judged
    fits        of each model
    units       groups or blocks they come in; by default each is its own
    spread      deviation of one example's difference; by default that of accuracy where one of two models
                alone is right on a tenth of the examples
    fit_spread  deviation of the difference from one fit to the next
    """
    units = judged if units is None else units
    if min(fits, units) < 2:
        return float("inf")
    spread = float(np.sqrt(DISAGREEMENT)) if spread is None else spread
    alike = ALIKE if units < judged else 0.0
    by_unit = WIDENING * spread**2 * ((1 - alike) / judged + alike / units)
    by_fit = fit_spread**2 / fits
    variance = by_unit + by_fit
    doubt = (by_unit / variance) ** 2 / (units - 1) + (by_fit / variance) ** 2 / (fits - 1)
    return float(stats.t.ppf((1 + level) / 2, 1 / doubt) * np.sqrt(variance))
