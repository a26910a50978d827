"""How long trials are, who can be trained at all, and how many rounds the budget holds.

Lengths are fixed in steps before the first trial, from processor seconds a step, so that families share the
device equally however busy the machine is; wall time only decides how many rounds there are.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from bicameral.errors import StudyError
from bicameral.studies.run import tune
from bicameral.studies.run.study import Study
from bicameral.studies.run.timing import (
    FLOOR_STEPS,
    batch_size_of,
    cost_of,
    is_iterated,
    slowdown,
    timed_sizes,
)

Record = Mapping[str, Any]
FLOOR_EPOCHS, FLOOR_MOST = 3, 600  # a model sees every example so often, or makes so many steps
LEAST_STEPS = 20  # of a trial that is run all the same, where nothing else could be
USABLE = 0.9  # of the budget is planned for: other work on the machine comes and goes
PACED = 0.93  # of the budget is kept to while it runs
MEASURE_SECONDS, PER_ARTIFACT = 4.0, 0.4  # of processor time for the measuring process and the report
LEAST_PART = 0.5  # length of the trials of rounds that are run although the budget no longer holds them
LEAST_ROUNDS = 2
MOST_ROUNDS = 120
FINALS = 2


def schedule(study: Study) -> Record:
    """Turn the budget that is left into the length of a trial, once; steps are then fixed for good."""
    if (found := study.known("schedule")) is None:
        found = study.log("schedule", "", _schedule(study))
    return found


def steps_of(study: Study, name: str, size: str, part: float = 1.0) -> int:
    """Steps of a trial of `part` of full length; 0 for what is not trained step by step."""
    step, length = cost_of(study, name, size)["step_seconds"], schedule(study)
    if not step:
        return 0
    return max(1, round(part * (length["trial_steps"] or length["trial_seconds"] / step)))


def affordable_sizes(study: Study, name: str) -> list[str]:
    """Sizes that a full trial trains enough; the first where none does."""
    sizes = timed_sizes(study, name)
    if study.plan.trial_steps:
        fit = sizes if tune.RUNGS[0] * study.plan.trial_steps >= LEAST_STEPS else []
    else:
        fit = [size for size in sizes if steps_of(study, name, size) >= floor_steps(study)]
    return fit or sizes[:1]


def floor_steps(study: Study) -> int:
    """Steps below which a model counts as not trained: three epochs, but not fewer than 200 nor over 600."""
    split = study.need("data")["split"]
    epoch = ceil(split["train"] / batch_size_of(study))
    return int(min(max(FLOOR_STEPS, FLOOR_EPOCHS * epoch), FLOOR_MOST))


def wave(study: Study, done: int, alive: Sequence[str]) -> Record:
    """Say how many rounds come next and how long their trials are; 0 rounds end the study.

    done   rounds that were run
    alive  models that take part in the next ones
    """
    found = study.known("pace", str(done))
    if found is None or (not found["rounds"] and _extended_since(study, found)):
        found = study.log("pace", str(done), _wave(study, done, alive))
    return found


def _extended_since(study: Study, line: Record) -> bool:
    sealed = [later["seal"] for later in study.ledger.all("extension")]
    order = [later["seal"] for later in study.ledger.lines]
    return any(order.index(seal) > order.index(line["seal"]) for seal in sealed)


def num_trials(study: Study) -> int:
    """How many trials the study will likely have run at its end."""
    iterated = sum(is_iterated(study, name) for name in study.models)
    tuning = tune.num_tried(study.plan.settings)
    return schedule(study)["rounds"] * (len(study.models) + tuning * iterated) + FINALS * (1 + tuning)


def _schedule(study: Study) -> dict[str, Any]:
    plan, names = study.plan, list(study.plan.models)
    if plan.trial_steps:
        rounds = {"rounds": plan.replicates, "stretched": False}
        return {"trial_steps": plan.trial_steps, "trial_seconds": None, "left_out": [], **rounds}
    needed = {name: floor_steps(study) * cost_of(study, name)["step_seconds"] for name in names}
    candidates = [name for name in names if plan.roles[name] == "candidate"]
    last = min(candidates, key=lambda name: needed[name])  # is never left out
    kept, longest = list(names), _trial_seconds(study, names, study.jobs)
    while longest < max(needed[name] for name in kept):
        if not plan.leave_out_slow:
            raise StudyError(_too_short(study, *max(needed.items(), key=lambda item: item[1])))
        slowest = max(kept, key=lambda name: needed[name])
        if needed[slowest] <= needed[last]:
            break  # to go without the quicker ones would leave nothing to compare with
        kept.remove(slowest)
        longest = _trial_seconds(study, kept, study.jobs)
    least = LEAST_STEPS * cost_of(study, last)["step_seconds"]
    alone, floor = _trial_seconds(study, kept, 1), max(needed[name] for name in kept)
    seconds = max(min(longest, max(alone, floor)), least)
    return {
        "trial_steps": None,
        "trial_seconds": seconds,
        "left_out": [name for name in names if name not in kept],
        "rounds": _rounds_within(study, kept, seconds),
        "stretched": longest < least,
    }


def _trial_seconds(study: Study, names: Sequence[str], jobs: int) -> float:
    """Processor seconds of a full trial if the planned rounds fill the budget on so many workers."""
    share = study.plan.replicates / jobs
    whole = 1 + tune.cost(study.plan.settings)
    iterated = sum(is_iterated(study, name) for name in names)
    free = (
        _left(study, names)
        - share * _beside_steps(study, names) * slowdown(study)
        - _final(study, names, 0.0, jobs)
    )
    finals = ceil(FINALS / jobs)
    return max(free, 1e-9) / slowdown(study) / max(whole * (share * iterated + finals), 1e-9)


def _rounds_within(study: Study, names: Sequence[str], seconds: float) -> int:
    a_round = _round(study, names, seconds) * slowdown(study) / study.jobs
    free = _left(study, names) - _final(study, names, seconds, study.jobs)
    return max(LEAST_ROUNDS, min(int(free / a_round + 1e-6), MOST_ROUNDS))


def _left(study: Study, names: Sequence[str]) -> float:
    """Wall seconds of the budget left for rounds and final trials; negative where it is too short."""
    measuring = MEASURE_SECONDS + PER_ARTIFACT * len(names)
    return USABLE * study.budget_end() - study.elapsed() - measuring * slowdown(study)


def _round(study: Study, names: Sequence[str], seconds: float) -> float:
    """Processor seconds of a round: every model tuned, trained and judged on one fold."""
    iterated = sum(is_iterated(study, name) for name in names)
    return _beside_steps(study, names) + iterated * seconds * (1 + tune.cost(study.plan.settings))


def _beside_steps(study: Study, names: Sequence[str]) -> float:
    """Processor seconds of a round that are no steps: starting, judging, drawing the fold."""
    tried = tune.num_tried(study.plan.settings)
    trials = {name: 1 + tried * is_iterated(study, name) for name in names}
    drawing = study.need("data").get("draw_seconds", 0.0)
    return drawing + sum(cost_of(study, name)["other_seconds"] * trials[name] for name in names)


def _final(study: Study, names: Sequence[str], seconds: float, jobs: int) -> float:
    """Wall seconds of the final trials, side by side where there are two workers."""
    dearest = max(_round(study, [name], seconds) for name in names)
    return dearest * slowdown(study) * ceil(FINALS / jobs)


def _too_short(study: Study, name: str, seconds: float) -> str:
    """What to say of a budget that does not train the slowest model."""
    budget, names = study.plan.budget_seconds, study.plan.models
    assert budget is not None
    rounds = study.plan.replicates * _round(study, names, seconds) / study.jobs
    needed = (
        rounds * slowdown(study)
        + _final(study, names, seconds, study.jobs)
        + USABLE * budget
        - _left(study, names)
    )
    return (
        f"the budget of {budget:g} s leaves {_trial_seconds(study, names, study.jobs):.2f} s a trial, too "
        f"short for {floor_steps(study)} steps of {name}, below which it is not trained; give about "
        f"{1.2 * needed / USABLE:.0f}s, or drop {name}"
    )


def _wave(study: Study, done: int, alive: Sequence[str]) -> dict[str, Any]:
    plan = study.plan
    if plan.trial_steps:
        return {"rounds": study.rounds_asked() - done, "part": 1.0}
    if len(alive) < 2 and done >= LEAST_ROUNDS:
        return {"rounds": 0, "part": 1.0}
    fits = _affordable_rounds(study, alive)
    wanted = max(ceil(study.problem.folds / 2), ceil(2 * study.jobs / len(alive)))
    if fits or done >= LEAST_ROUNDS:
        return {"rounds": min(wanted, fits, MOST_ROUNDS - done), "part": 1.0}
    return {"rounds": LEAST_ROUNDS - done, "part": LEAST_PART}


def _affordable_rounds(study: Study, alive: Sequence[str]) -> int:
    """Rounds that the rest of the budget holds at the speed seen so far."""
    speed, seconds = _speed(study), schedule(study)["trial_seconds"]
    measuring = MEASURE_SECONDS + PER_ARTIFACT * len(study.models)
    ending = speed * (_final(study, alive, seconds, study.jobs) / slowdown(study) + measuring)
    longest = max(_round(study, [name], seconds) for name in alive) * (
        1 - 1 / study.jobs
    )  # the last of a wave
    left = PACED * study.budget_end() - study.elapsed() - ending - speed * longest
    return max(0, int(left / (speed * _round(study, alive, seconds) / study.jobs)))


def _speed(study: Study) -> float:
    """Wall seconds of the trials so far over the processor seconds they were planned for."""
    planned = schedule(study)["trial_seconds"]
    spent = expected = 0.0
    for line in study.ledger.all("trial"):
        if full := steps_of(study, line["model"], line["size"]):
            spent += line["wall_seconds"] - line.get("prepare_seconds", 0.0)
            expected += planned * line["steps"] / full + cost_of(study, line["model"])["other_seconds"]
    return spent / expected if expected else slowdown(study)
