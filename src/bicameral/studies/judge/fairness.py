"""Three fair views of one set of trials: equal device-seconds, equal training FLOPs, equal samples seen."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from bicameral.studies.judge.results import Json, Row, View

TRAINING = 3  # a training step costs a forward pass and a backward pass of twice its FLOPs


def views(rows: Sequence[Row], records: Mapping[str, Sequence[Json]]) -> dict[str, list[View]]:
    """Rank the models under each view.

    Device-seconds are what the trials were given: the judged scores. The other two are read off the
    validation curves, at the FLOPs or samples of the candidate that used fewest; a model without a validation
    by then is not ranked.
    """
    iterated = [row for row in rows if _runs(records[row.name])]
    found = {"equal device-seconds": _ranked([_judged(row) for row in iterated])}
    candidates = [row for row in iterated if row.role == "candidate"]
    if candidates:
        flops = {row.name: TRAINING * (row.flops or 0.0) for row in iterated}
        if all(flops.values()):
            found["equal training FLOPs"] = _view(iterated, candidates, records, flops)
        samples = dict.fromkeys(flops, 1.0)
        found["equal samples seen"] = _view(iterated, candidates, records, samples)
    return found


def samples_seen(record: Json) -> float:
    """Training examples a trial went through, repetitions counted."""
    return record["history"]["epochs"] * record["num_train"]


def _runs(lines: Sequence[Json]) -> list[Json]:
    runs = [line for line in lines if "history" in line]
    return runs if len(runs) == len(lines) else []


def _judged(row: Row) -> View:
    return View(name=row.name, rank=None, score=row.mean, low=row.low, high=row.high)


def _view(
    rows: Sequence[Row],
    candidates: Sequence[Row],
    records: Mapping[str, Sequence[Json]],
    price: Mapping[str, float],
) -> list[View]:
    """Mean validation score of each model when all have paid as much as the candidate that paid least."""
    limit = min(samples_seen(run) * price[row.name] for row in candidates for run in records[row.name])
    return _ranked(
        [
            _read(row.name, [_best_within(run, limit / price[row.name]) for run in records[row.name]])
            for row in rows
        ]
    )


def _read(name: str, scores: Sequence[float | None]) -> View:
    reached = [score for score in scores if score is not None]
    if len(reached) < len(scores):
        return View(name=name, rank=None, score=None)
    mean = float(np.mean(reached))
    if len(reached) < 2:
        return View(name=name, rank=None, score=mean)
    half = float(stats.t.ppf(0.975, len(reached) - 1) * stats.sem(reached))
    return View(name=name, rank=None, score=mean, low=mean - half, high=mean + half)


def _best_within(record: Json, samples: float) -> float | None:
    """Best validation score among the points reached within `samples`; None where there is none."""
    per_step = samples_seen(record) / max(record["history"]["steps"], 1)
    points = [point for point in record["history"]["val"] if point["score"] is not None]
    reached = [point["score"] for point in points if point["step"] * per_step <= samples * (1 + 1e-9)]
    return max(reached, default=None)


def _ranked(found: Sequence[View]) -> list[View]:
    """Best first, with ranks from 1; what was not reached behind, without a rank."""
    reached = sorted((one for one in found if one.score is not None), key=lambda one: -(one.score or 0.0))
    ranked = [
        View(name=one.name, rank=rank, score=one.score, low=one.low, high=one.high)
        for rank, one in enumerate(reached, start=1)
    ]
    return [*ranked, *(one for one in found if one.score is None)]
