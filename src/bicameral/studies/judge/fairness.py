"""Three fair views of one set of trials: equal device-seconds, equal training FLOPs, equal samples seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Record = Mapping[str, Any]
TRAINING = 3  # a training step costs a forward pass and a backward pass of twice its FLOPs


def views(rows: Sequence[Record], records: Mapping[str, Sequence[Record]]) -> dict[str, list[dict[str, Any]]]:
    """Rank the models under each view.

    Device-seconds are what the trials were given: the judged scores. The other two are read off the
    validation curves, at the FLOPs or samples of the model that used fewest.
    """
    names = [row["name"] for row in rows if records[row["name"]]]
    iterated = [name for name in names if all("history" in record for record in records[name])]
    flops = {row["name"]: row["flops"] for row in rows}
    seconds = {row["name"]: row["mean"] for row in rows if row["name"] in iterated}
    found = {"equal device-seconds": ranked(seconds)}
    if iterated:
        per_sample = {name: TRAINING * flops[name] for name in iterated}
        found["equal training FLOPs"] = ranked(_read_at(records, per_sample))
        found["equal samples seen"] = ranked(_read_at(records, dict.fromkeys(iterated, 1)))
    return found


def samples_seen(record: Record) -> float:
    """Training examples a trial went through, repetitions counted."""
    return record["history"]["epochs"] * record["num_train"]


def ranked(scores: Mapping[str, float]) -> list[dict[str, Any]]:
    """Names by score, best first, with ranks from 1."""
    order = sorted(scores, key=lambda name: -scores[name])
    return [{"name": name, "score": scores[name], "rank": rank} for rank, name in enumerate(order, start=1)]


def _read_at(records: Mapping[str, Sequence[Record]], price: Mapping[str, float]) -> dict[str, float]:
    """Mean validation score of each model when all have paid as much as the one that paid least."""
    limit = min(samples_seen(record) * price[name] for name in price for record in records[name])
    return {
        name: float(np.mean([_best_within(record, limit / price[name]) for record in records[name]]))
        for name in price
    }


def _best_within(record: Record, samples: float) -> float:
    """Best validation score among the points reached within `samples`; the first point if none was."""
    per_step = samples_seen(record) / max(record["history"]["steps"], 1)
    points = [point for point in record["history"]["val"] if point["score"] is not None]
    reached = [point["score"] for point in points if point["step"] * per_step <= samples * (1 + 1e-9)]
    return max(reached) if reached else points[0]["score"]
