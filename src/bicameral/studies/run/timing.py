"""What a step of each model costs here, in processor seconds, which no busy neighbour stretches."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from bicameral import registry
from bicameral.studies.run.study import Study
from bicameral.studies.run.trial import Trial, build, run_trial
from bicameral.training.cost import flops, parameters, seconds_per_call

Record = Mapping[str, Any]
SHORT, LONGEST, LONG_SECONDS = 2, 64, 0.15  # steps of the two timing runs, the longer one of about this time
LEAST_SHARE = 0.3  # of the longer timing run is surely its steps
FLOOR_STEPS = 200  # fewer train nothing
MOST_TIMING = 0.2  # of the budget for finding out what larger sizes cost


def calibrate(study: Study) -> None:
    """Measure every model's first size, then larger ones, while that is cheap beside the budget."""
    calibrate_first(study)
    for name in study.models:
        for smaller, size in pairwise(registry.entry(name).sizes):
            if not is_iterated(study, name) or _too_slow(study, name, smaller) or _calibrated_enough(study):
                break
            _calibrate_once(study, name, size)


def calibrate_first(study: Study) -> None:
    """Measure every model's first size."""
    for name in study.models:
        _calibrate_once(study, name, _first_size(name))


def is_iterated(study: Study, name: str) -> bool:
    """Whether the model is trained step by step."""
    return cost_of(study, name)["step_seconds"] > 0


def cost_of(study: Study, name: str, size: str | None = None) -> Record:
    """What was measured of a model in a size, by default its first: seconds a step, and beside the steps."""
    return study.need("calibration", f"{name}/{size or _first_size(name)}")


def slowdown(study: Study) -> float:
    """Wall seconds a processor second takes here: the median of the timing runs."""
    return float(np.median([line["slowdown"] for line in study.ledger.all("calibration")]))


def batch_size_of(study: Study) -> int:
    """Examples a step, alike for all models."""
    return study.plan.batch_size or batch_size(len(study.problem.rest))


def canary(study: Study, number: int) -> None:
    """Time a fixed job, so that a throttling or busy machine shows."""
    if study.known("canary", str(number)) is None:
        matrix = torch.ones(192, 192)
        times = sorted(seconds_per_call(lambda: matrix @ matrix, at_least=0.01) for _ in range(5))
        study.log("canary", str(number), {"seconds": times[2]})


def batch_size(num_examples: int) -> int:
    """Small data wants many noisy steps, large data few cheap ones."""
    return next(size for limit, size in ((500, 16), (4000, 32), (np.inf, 64)) if num_examples < limit)


def _calibrate_once(study: Study, name: str, size: str) -> None:
    if study.known("calibration", f"{name}/{size}") is None:
        with study.fact("calibration", f"{name}/{size}") as fact:
            fact.update(_calibrate(study, name, size))


def _calibrated_enough(study: Study) -> bool:
    """Whether timing has had its share of a budget in seconds."""
    spent = sum(line["wall_seconds"] for line in study.ledger.all("calibration"))
    budget = study.plan.budget_seconds
    return budget is not None and spent > MOST_TIMING * budget


def _calibrate(study: Study, name: str, size: str) -> dict[str, Any]:
    """Two runs of a trial, a short and a longer one: what lies between them is the cost of steps alone."""
    short = _timed(study, name, size, SHORT)
    again = _timed(study, name, size, SHORT)  # the first has warmed caches and kernels
    if short["status"] != "ok" or "history" not in short:
        return _facts(study, name, size) | {"step_seconds": 0.0, "other_seconds": again["wall_seconds"]}
    rough = max(again["train_seconds"] / SHORT, 1e-6)
    steps = int(np.clip(LONG_SECONDS / rough, 3 * SHORT, LONGEST))
    long = _timed(study, name, size, steps)
    least = LEAST_SHARE * long["train_seconds"] / steps  # noise can leave nothing between the two runs
    step = max((long["train_seconds"] - again["train_seconds"]) / (steps - SHORT), least, 1e-6)
    other = max(0.0, again["train_seconds"] - SHORT * step) + _beside(again)
    return _facts(study, name, size) | {
        "step_seconds": step,
        "other_seconds": other,
        "slowdown": max(1.0, long["train_wall_seconds"] / long["train_seconds"]),
    }


def _timed(study: Study, name: str, size: str, steps: int) -> dict[str, Any]:
    return run_trial(study.problem, _timing_trial(study, name, size, steps))


def _timing_trial(study: Study, name: str, size: str, steps: int) -> Trial:
    recipe = {"batch_size": batch_size_of(study), **study.plan.recipe}
    return Trial(
        stage="tune",
        model=name,
        size=size,
        overrides=registry.entry(name).sizes[size],
        recipe=recipe,
        steps=steps,
        device=study.plan.device,
    )


def _facts(study: Study, name: str, size: str) -> dict[str, Any]:
    draw = study.problem.draw(0)
    network = build(draw, _timing_trial(study, name, size, SHORT))
    batch = draw.train.batch(np.arange(min(32, len(draw.train))))
    return {"parameters": parameters(network), "flops": flops(network.cpu(), batch), "slowdown": 1.0}


def _beside(record: Record) -> float:
    """Seconds of a trial that are neither training nor preparing the draw."""
    return max(0.0, record["wall_seconds"] - record["train_wall_seconds"] - record["prepare_seconds"])


def _too_slow(study: Study, name: str, size: str) -> bool:
    """Whether not even a study of this model alone could train it; larger sizes are not tried."""
    if study.plan.budget_seconds is None:
        return False
    trained = study.plan.replicates * FLOOR_STEPS * cost_of(study, name, size)["step_seconds"]
    return trained > study.plan.budget_seconds * study.jobs


def _first_size(name: str) -> str:
    return next(iter(registry.entry(name).sizes))


def timed_sizes(study: Study, name: str) -> list[str]:
    """Sizes whose cost is known."""
    return [size for size in registry.entry(name).sizes if study.known("calibration", f"{name}/{size}")]
