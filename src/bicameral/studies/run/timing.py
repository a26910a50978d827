"""What a trial costs here, and how long trials may be for the whole study to keep its budget.

Lengths are fixed in steps before the first trial, from processor seconds a step, so that families share the
device equally however busy the machine is; wall time only scales all of them alike.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from bicameral import registry
from bicameral.errors import StudyError
from bicameral.studies.run import tune
from bicameral.studies.run.study import Study
from bicameral.studies.run.trial import Trial, build, run_trial
from bicameral.training.cost import flops, parameters, seconds_per_call

Record = Mapping[str, Any]
FLOOR_STEPS = 20  # a trial shorter than this says nothing
USABLE = 0.9  # of the budget is planned for: other work on the machine comes and goes
PACED = 0.93  # of the budget is kept to while it runs
MEASURE_SECONDS, PER_ARTIFACT = 4.0, 0.4  # of processor time for the measuring process and the report
SHORT, LONGEST, LONG_SECONDS = 2, 64, 0.15  # steps of the two timing runs, the longer one of about this time
LEAST_SHARE = 0.3  # of the longer timing run is surely its steps
MOST_TIMING = 0.2  # of the budget for finding out what larger sizes cost
LEAST_PART = 0.5  # rounds are not shortened below this; fewer are run instead
LEAST_ROUNDS = 2


def calibrate(study: Study) -> None:
    """Measure every model's first size, then larger ones, while that is cheap beside the budget."""
    for name in study.models:
        _calibrate_once(study, name, _first_size(name))
    for name in study.models:
        for smaller, size in pairwise(registry.entry(name).sizes):
            if not is_iterated(study, name) or _too_slow(study, name, smaller) or _calibrated_enough(study):
                break
            _calibrate_once(study, name, size)


def schedule(study: Study) -> Record:
    """Turn the budget that is left into the length of a trial, once; steps are then fixed for good."""
    if (found := study.known("schedule")) is None:
        found = study.log("schedule", "", _schedule(study))
    return found


def steps_of(study: Study, name: str, size: str, part: float = 1.0) -> int:
    """Steps of a trial of `part` of full length; 0 for what is not trained step by step."""
    calibration, length = study.need("calibration", f"{name}/{size}"), schedule(study)
    if not calibration["step_seconds"]:
        return 0
    full = length["trial_steps"] or length["trial_seconds"] / calibration["step_seconds"]
    return max(1, round(part * full))


def affordable_sizes(study: Study, name: str) -> list[str]:
    """Sizes whose steps are cheap enough for a first round of tuning to mean something."""
    sizes = _timed_sizes(study, name)
    fit = [size for size in sizes if steps_of(study, name, size, tune.RUNGS[0]) >= FLOOR_STEPS]
    return fit or sizes[:1]


def is_iterated(study: Study, name: str) -> bool:
    """Whether the model is trained step by step."""
    return study.need("calibration", f"{name}/{_first_size(name)}")["step_seconds"] > 0


def num_trials(study: Study) -> int:
    """How many trials the study will have run at its end."""
    iterated = sum(is_iterated(study, name) for name in study.models)
    tuning = sum(tune.survivors(study.plan.settings)) * iterated
    return tuning + study.plan.replicates * len(study.models) + 2


def pace(study: Study, replicate: int) -> float:
    """Length of this round's trials: less than 1, for all alike, when the machine became slow; 0 to stop."""
    if (found := study.known("pace", str(replicate))) is None:
        found = study.log("pace", str(replicate), {"part": _affordable_part(study, replicate)})
    return found["part"]


def canary(study: Study, replicate: int) -> None:
    """Time a fixed job, so that a throttling or busy machine shows."""
    if study.known("canary", str(replicate)) is None:
        matrix = torch.ones(192, 192)
        times = sorted(seconds_per_call(lambda: matrix @ matrix, at_least=0.01) for _ in range(5))
        study.log("canary", str(replicate), {"seconds": times[2]})


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
    recipe = {"batch_size": study.plan.batch_size or batch_size(len(study.problem.rest)), **study.plan.recipe}
    return Trial(
        key="timing",
        stage="tune",
        model=name,
        size=size,
        overrides=registry.entry(name).sizes[size],
        recipe=recipe,
        steps=steps,
        replicate=study.plan.replicates,
        device=study.plan.device,
    )


def _facts(study: Study, name: str, size: str) -> dict[str, Any]:
    draw = study.problem.draw(study.plan.replicates)
    network = build(draw, _timing_trial(study, name, size, SHORT))
    batch = draw.train.batch(np.arange(min(32, len(draw.train))))
    return {"parameters": parameters(network), "flops": flops(network.cpu(), batch), "slowdown": 1.0}


def _beside(record: Record) -> float:
    """Seconds of a trial that are neither training nor preparing the draw."""
    return max(0.0, record["wall_seconds"] - record["train_wall_seconds"] - record["prepare_seconds"])


def _too_slow(study: Study, name: str, size: str) -> bool:
    """Whether even the longest trial the budget could give has too few steps; larger sizes are not tried."""
    if study.plan.budget_seconds is None:
        return False
    most = study.plan.budget_seconds / _full_trials(study, len(study.models))
    return study.need("calibration", f"{name}/{size}")["step_seconds"] * FLOOR_STEPS > tune.RUNGS[0] * most


def _full_trials(study: Study, iterated: int) -> float:
    """All training of a study, in full trials."""
    return iterated * (tune.cost(study.plan.settings) + study.plan.replicates) + 2


def _schedule(study: Study) -> dict[str, Any]:
    """Length of a trial, and the models too slow for it, slowest first, where the plan lets them go."""
    plan, names = study.plan, list(study.plan.models)
    if plan.trial_steps:
        return {"trial_steps": plan.trial_steps, "trial_seconds": None, "left_out": []}
    slowest_first = sorted(names, key=lambda name: -_first(study, name)["step_seconds"])
    for left_out in range(len(names)):
        kept = [name for name in names if name not in slowest_first[:left_out]]
        if not any(plan.roles[name] == "candidate" for name in kept):
            break
        seconds = _trial_seconds(study, kept)
        if seconds >= FLOOR_STEPS * max(_first(study, name)["step_seconds"] for name in kept):
            return {"trial_steps": None, "trial_seconds": seconds, "left_out": slowest_first[:left_out]}
        if not plan.leave_out_slow:
            break
    raise StudyError(_too_short(study, slowest_first[0]))


def _trial_seconds(study: Study, names: Sequence[str]) -> float:
    """Processor seconds of a full trial."""
    iterated = sum(is_iterated(study, name) for name in names)
    return max(_left(study, names), 1e-9) / _slowdown_seen(study) / _full_trials(study, iterated)


def _left(study: Study, names: Sequence[str]) -> float:
    """Wall seconds of the budget left for the steps of all trials; negative where it is too short."""
    plan = study.plan
    assert plan.budget_seconds is not None
    iterated = [name for name in names if is_iterated(study, name)]
    trials = sum(tune.survivors(plan.settings)) + plan.replicates
    runs = {name: trials if name in iterated else plan.replicates for name in names}
    other = sum(_first(study, name)["other_seconds"] * runs[name] for name in names)
    slowdown = _slowdown_seen(study)
    draws = (plan.replicates + 2) * _draw_seconds(study)
    return USABLE * plan.budget_seconds - study.elapsed() - draws - other - slowdown * _ending(study, names)


def _ending(study: Study, names: Sequence[str]) -> float:
    """Processor seconds after the last round, beside the steps of the two final trials."""
    dearest = sum(sorted(_first(study, name)["other_seconds"] for name in names)[-2:])
    return dearest + MEASURE_SECONDS + PER_ARTIFACT * len(names)


def _slowdown_seen(study: Study) -> float:
    """Wall seconds a processor second takes here: the median of the timing runs."""
    return float(np.median([line["slowdown"] for line in study.ledger.all("calibration")]))


def _draw_seconds(study: Study) -> float:
    return study.need("data").get("draw_seconds", 0.0)


def _too_short(study: Study, name: str) -> str:
    """What to say of a budget that leaves the slowest model no meaningful trial."""
    names, budget = study.plan.models, study.plan.budget_seconds
    assert budget is not None
    seconds, least = _trial_seconds(study, names), FLOOR_STEPS * _first(study, name)["step_seconds"]
    iterated = sum(is_iterated(study, other) for other in names)
    trials = least * _full_trials(study, iterated) * _slowdown_seen(study)
    needed = budget + (trials - _left(study, names)) / USABLE
    return (
        f"the budget of {budget:g} s leaves {seconds:.2f} s a trial, too short for {FLOOR_STEPS} steps of "
        f"{name}; give about {1.2 * needed:.0f}s, or drop {name}"
    )


def _affordable_part(study: Study, replicate: int) -> float:
    """What is left of the budget over what the rest would cost at the speed seen so far."""
    plan = study.plan
    if plan.budget_seconds is None:
        return 1.0
    speed = _speed(study)
    planned, draw = schedule(study)["trial_seconds"], _draw_seconds(study)
    a_round = draw + speed * sum(
        planned * is_iterated(study, name) + _first(study, name)["other_seconds"] for name in study.models
    )
    ending = _ending(study, study.models) * max(speed, _slowdown_seen(study))
    left = PACED * plan.budget_seconds - study.elapsed() - 2 * planned * speed - draw - ending
    part = left / (a_round * (plan.replicates - replicate))
    if part >= LEAST_PART:
        return min(1.0, float(round(part, 2)))
    return LEAST_PART if replicate < LEAST_ROUNDS or left > LEAST_PART * a_round else 0.0


def _speed(study: Study) -> float:
    """Wall seconds of the trials so far over the seconds they were planned for."""
    planned = schedule(study)["trial_seconds"]
    spent = expected = 0.0
    for line in study.ledger.all("trial"):
        if full := steps_of(study, line["model"], line["size"]):
            spent += line["wall_seconds"] - line.get("prepare_seconds", 0.0)
            expected += planned * line["steps"] / full + _first(study, line["model"])["other_seconds"]
    return spent / expected if expected else 1.0


def _first_size(name: str) -> str:
    return next(iter(registry.entry(name).sizes))


def _first(study: Study, name: str) -> Record:
    return study.need("calibration", f"{name}/{_first_size(name)}")


def _timed_sizes(study: Study, name: str) -> list[str]:
    return [size for size in registry.entry(name).sizes if study.known("calibration", f"{name}/{size}")]
