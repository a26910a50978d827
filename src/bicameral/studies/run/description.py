"""What the data of a study is: counts, balance, lengths, parts."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.problems.problem import Problem
from bicameral.studies.run.study import Study


def describe_data(study: Study) -> None:
    """Book what the data is: counts, balance, lengths, parts."""
    if study.known("data") is None:
        problem = study.problem
        with study.fact("data") as fact:
            draw, started = problem.draw(0), time.perf_counter()
            problem.draw(1)  # freezing the plan drew the first
            fact["draw_seconds"] = time.perf_counter() - started
            parts = {
                "train": draw.train.index.numpy(),
                "val": draw.val.index.numpy(),
                "judged": draw.judged.index.numpy(),
                "test": problem.test,
            }
            fact.update(
                num_examples=len(problem.dataset),
                num_faults=len(problem.dataset.faults),
                classes=_class_counts(problem.dataset, parts),
                lengths=_lengths(problem.dataset),
                split={name: len(rows) for name, rows in parts.items()}
                | {"unit": _unit(problem), "published": problem.raw.split is not None},
            )


def _class_counts(dataset: Dataset, parts: Mapping[str, np.ndarray]) -> list[dict[str, Any]] | None:
    if not dataset.classes or np.ndim(dataset.targets) != 1:
        return None
    counts = {
        name: np.bincount(dataset.targets[rows], minlength=len(dataset.classes))
        for name, rows in parts.items()
    }
    return [
        {"name": label} | {name: int(count[index]) for name, count in counts.items()}
        for index, label in enumerate(dataset.classes)
    ]


def _lengths(dataset: Dataset) -> dict[str, float] | None:
    if dataset.kind not in ("series", "text", "sound"):
        return None
    rows = np.random.default_rng(0).permutation(len(dataset))[:1000]
    lengths = [len(dataset.items[int(row)]) for row in rows]
    return {"min": min(lengths), "median": float(np.median(lengths)), "max": max(lengths)}


def _unit(problem: Problem) -> str:
    if problem.raw.targets is None or "begin" in problem.dataset.properties:
        return "time"
    return "group" if problem.raw.groups is not None else "example"
