"""Whether the axes of arrays are what they were read as: the shape alone does not always tell."""

import numpy as np

from bicameral.data.audit.evidence import Evidence
from bicameral.data.audit.finding import Outcome, ok, skip, warn

ROWS = 200  # examples that are looked at
FEWEST = 8  # values along an axis that may be steps
SMOOTH, ROUGH = (
    0.6,
    0.3,
)  # correlation of neighbours along time, and by how much it falls when they are shuffled


def swapped_axes(evidence: Evidence) -> Outcome:
    """Features that look like steps of a series, and channels that look like steps."""
    dataset = evidence.dataset
    if dataset.kind != "series" or dataset.targets is None or evidence.windowed:
        return skip("only labelled series have a time axis that could stand elsewhere")
    if seems_swapped(evidence):
        steps, channels = np.shape(dataset.items[0])
        read = (
            f"read as {channels} features" if steps == 1 else f"read as {steps} steps of {channels} channels"
        )
        mend = "pass kind=series" if steps == 1 else "pass channels=first"
        return warn(f"{read}, but values run on smoothly along them: are they steps in time? then {mend}")
    return ok("the time axis is where it was read")


def seems_swapped(evidence: Evidence) -> bool:
    """Return whether neighbouring channels are as alike as steps in time are, and there are more of them."""
    items = [np.asarray(item, np.float64) for item in list(evidence.dataset.items)[:ROWS]]
    steps, channels = items[0].shape
    if any(item.shape != (steps, channels) for item in items) or channels < max(FEWEST, 2 * steps):
        return False
    rows = np.nan_to_num(np.concatenate(items))
    shuffled = rows[:, np.random.default_rng(0).permutation(channels)]
    along = _likeness(rows)
    return along > SMOOTH and along - _likeness(shuffled) > ROUGH


def _likeness(rows: np.ndarray) -> float:
    """Return the mean correlation of neighbours within a row."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    power = (centred**2).sum(axis=1)
    products = (centred[:, 1:] * centred[:, :-1]).sum(axis=1)
    return float(np.mean(products[power > 0] / power[power > 0])) if (power > 0).any() else 0.0
