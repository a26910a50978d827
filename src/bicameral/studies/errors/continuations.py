"""How well a model predicts the test part: by what it has read, and what it would write itself."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch

from bicameral.artifact import Artifact
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import runs
from bicameral.problems.problem import Problem
from bicameral.tasks.next_step import NextStep

NUM_EXAMPLES, SHOWN = 3, 280  # continuations, and tokens of each
COLD_ROWS = 256  # segments read from an empty state


def predictions(problem: Problem, artifact: Artifact) -> dict[str, Any]:
    """What the page says of a model that is asked at every step."""
    dataset, rows, task = problem.dataset, problem.test, cast(NextStep, artifact.task)
    output = artifact.outputs(dataset, rows)
    scores = task.outcomes(task.statistics(output, output))
    worst = np.argsort(scores, kind="stable")[:NUM_EXAMPLES]
    return {
        "confusion": None,
        "calibration": None,
        "residuals": None,
        "per_example": scores,
        "worst": [_shown(dataset, int(rows[index])) | {"error": float(-scores[index])} for index in worst],
        "by_position": by_position(artifact, dataset, rows),
        "written": written(artifact, dataset, rows) if task.writes else [],
    }


def by_position(artifact: Artifact, dataset: Dataset, rows: np.ndarray) -> list[dict[str, float]]:
    """Mean loss of steps that have so many before them: segments read from an empty state."""
    task, some = (
        cast(NextStep, artifact.task),
        rows[np.linspace(0, len(rows) - 1, min(len(rows), COLD_ROWS)).astype(int)],
    )
    batch = Prepared(dataset, artifact.preprocessing, some).batch(np.arange(len(some)))
    assert batch.y is not None
    with torch.no_grad():
        kept = task.judged(artifact.network(batch.x, batch.lengths), batch.y)
    loss = task.step_losses(kept).double()
    borders = [0, *2 ** np.arange(int(np.log2(loss.shape[1])) + 1), loss.shape[1]]
    pieces = {(low, high): loss[:, low:high] for low, high in pairwise(borders) if low < high}
    return [
        {"first": int(low) + 1, "last": int(high), "loss": float(piece.nanmean())}
        for (low, high), piece in pieces.items()
        if not piece.isnan().all()
    ]


def written(artifact: Artifact, dataset: Dataset, rows: np.ndarray) -> list[Mapping[str, str]]:
    """Pieces of the test part, how they go on, and how the model would go on."""
    whole = [run for run in runs(dataset.targets, rows) if len(run) > 1] or [np.arange(len(rows))]
    places = [run[int(share * (len(run) - 1))] for run in whole[:NUM_EXAMPLES] for share in (0.25, 0.5, 0.75)]
    found = []
    for seed, place in enumerate(
        dict.fromkeys(places[:: max(1, len(places) // NUM_EXAMPLES)][:NUM_EXAMPLES])
    ):
        text = dataset.items[int(rows[place])]
        prompt, truth = text[: len(text) // 2], text[len(text) // 2 :]
        own = artifact.generate(prompt, SHOWN, temperature=0.8, seed=seed)
        found.append({"prompt": prompt[-SHOWN:], "truth": truth[:SHOWN], "own": own[:SHOWN]})
    return found


def _shown(dataset: Dataset, row: int) -> dict[str, Any]:
    item, shown = dataset.items[row], {"id": str(dataset.ids[row]), "thumbnail": None}
    if dataset.kind == "text":
        return shown | {"sparkline": None, "text": item[:SHOWN]}
    return shown | {"sparkline": item.sum(-1).tolist()[:SHOWN], "text": None}
