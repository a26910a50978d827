"""Racing: who is so far behind the best that further fits would be wasted on it."""

import numpy as np

from bicameral.studies.judge.evidence import Evidence

ERROR = 0.05  # of leaving behind a model that is as good as the leader, in the whole study
FEWEST_FITS = 3


def out_of_reach(evidence: Evidence, *, done: int, planned: int, before: int = 0) -> list[str]:
    """Return the models that are shown, at this look, to be worse than the one that leads.

    done     fits of those still in the race
    planned  fits at the end
    before   fits that were done at the last look

    The error allowed for the whole study is spent over the looks (Lan & DeMets 1983, Pocock's function) and
    shared by the models, so that looking often is not paid with false verdicts.
    """
    if done < FEWEST_FITS or len(evidence.names) < 2:
        return []
    leader = max(evidence.names, key=lambda name: evidence.level(name).mean)
    allowed = (spent(done, planned) - spent(before, planned)) / (len(evidence.names) - 1)
    others = [name for name in evidence.names if name != leader]
    return [name for name in others if evidence.difference(name, leader).above(0.0) <= allowed]


def spent(done: int, planned: int) -> float:
    """Return the part of the error that may have been spent after so many fits."""
    return ERROR * float(np.log1p((np.e - 1) * min(1.0, done / planned)))
