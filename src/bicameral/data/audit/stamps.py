"""Time stamps: in order, not twice, not in the future, and the past not judged by what came later."""

from collections.abc import Callable, Sequence

import numpy as np

from bicameral.data.audit.evidence import Evidence
from bicameral.data.audit.finding import Outcome, fail, ok, skip, warn


def order(evidence: Evidence) -> Outcome:
    """Every stamp must lie after the one before it."""
    return _look(evidence, lambda stamps: stamps[1:] < stamps[:-1], "out of order")


def repeats(evidence: Evidence) -> Outcome:
    """No instant twice in one series."""
    return _look(evidence, lambda stamps: stamps[1:] == stamps[:-1], "repeated")


def future(evidence: Evidence) -> Outcome:
    """Nothing can have been measured after today."""
    times = _dates(evidence)
    if times is None:
        return skip("no dates")
    today = np.datetime64("now")
    late = [row for row, stamps in enumerate(times) if len(stamps) and np.max(stamps) > today]
    if not late:
        return ok("no date lies in the future")
    named = [f"{evidence.name(row)}: {np.max(times[row])}" for row in late]
    share = np.mean(np.concatenate([times[row] for row in late]) > today)
    return warn(f"{len(late)} series hold dates in the future ({share:.0%} of their steps)", named)


def train_before_test(evidence: Evidence) -> Outcome:
    """Where whole series are split, training on later ones lets the model see the future."""
    times = _dates(evidence)
    if times is None or not {"train", "test"} <= evidence.parts.keys():
        return skip("no dates, or no train and test parts")
    last = {row: np.max(times[row]) for row in evidence.parts["train"].tolist() if len(times[row])}
    first = min((np.min(times[row]) for row in evidence.parts["test"] if len(times[row])), default=None)
    late = [row for row, stamp in last.items() if first is not None and stamp >= first]
    if not late:
        return ok("everything in train lies before everything in test")
    message = f"{len(late)} training series reach past the beginning of the test part ({first})"
    return warn(message, evidence.names(late))


def _look(evidence: Evidence, wrong: Callable[[np.ndarray], np.ndarray], how: str) -> Outcome:
    times = evidence.dataset.times
    if times is None:
        return skip("no time stamps")
    found = {row: np.flatnonzero(wrong(np.asarray(stamps))) + 1 for row, stamps in enumerate(times)}
    found = {row: at for row, at in found.items() if len(at)}
    if not found:
        return ok(f"no time stamp is {how}")
    named = [f"{evidence.name(row)}:{at}" for row, where in found.items() for at in where[:5].tolist()]
    total = sum(len(where) for where in found.values())
    return fail(f"{total} time stamps are {how}; sort the rows and drop doubles", named)


def _dates(evidence: Evidence) -> Sequence[np.ndarray] | None:
    """Return the stamps where they are points in time, not seconds since each series began."""
    times = evidence.dataset.times
    return times if times is not None and all(stamps.dtype.kind == "M" for stamps in times) else None
