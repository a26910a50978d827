"""The stages of a comparison. Each asks the ledger first, so that a killed study goes on where it was."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bicameral import registry
from bicameral.data.audit import audit
from bicameral.data.dataset import Batch
from bicameral.errors import DataError, StudyError
from bicameral.progress import Bar
from bicameral.studies import tune
from bicameral.studies.measure import measure
from bicameral.studies.mistakes import mistakes
from bicameral.studies.probe import probe
from bicameral.studies.problem import Draw
from bicameral.studies.recommend import recommend
from bicameral.studies.study import Study
from bicameral.studies.trial import Trial, build, run_trial, train_network
from bicameral.training.cost import device_clock, flops, parameters, seconds_per_call

Record = Mapping[str, Any]
FLOOR_STEPS = 20  # a trial shorter than this says nothing about its family
USABLE = 0.85  # of the budget is planned for; the rest absorbs a machine that slows down
SLOW_TRIAL = 0.5  # seconds that two steps may take before a model is timed on few of them
MEASURE_SECONDS = 6.0  # start of the measuring process and the report


def audit_data(study: Study) -> Record:
    """Audit the data; a FAIL ends the study unless the plan overrides it."""
    if study.known("audit") is None:
        with study.fact("audit") as fact:
            fact.update(audit(study.problem.raw, split=study.problem.parts()).to_dict())
    found = study.need("audit")
    failures = [finding for finding in found["findings"] if finding["level"] == "FAIL"]
    if failures and not study.plan.override_audit:
        named = "; ".join(f"{finding['check']}: {finding['message']}" for finding in failures)
        raise DataError(
            f"the audit failed ({named}); mend the data, or override the audit and it will be printed"
        )
    return found


def probe_data(study: Study) -> None:
    """Probe the data and recommend, inside the plan's share of the budget."""
    plan = study.plan
    default = 60.0 if plan.budget_seconds is None else 0.12 * plan.budget_seconds
    seconds = default if plan.probe_seconds is None else plan.probe_seconds
    if seconds > 0 and study.known("probes") is None:
        with study.fact("probes") as fact:
            fact["probes"] = [
                item.to_dict() for item in probe(study.problem.raw, seconds=seconds, seed=plan.seed)
            ]
            fact["recommendation"] = recommend(study.problem.raw, fact["probes"])


def calibrate(study: Study) -> None:
    """Measure what a step of each model and size costs here, and what preparing a draw costs."""
    for name in study.plan.models:
        for size in registry.entry(name).sizes:
            if study.known("calibration", f"{name}/{size}") is None:
                with study.fact("calibration", f"{name}/{size}") as fact:
                    fact.update(_calibrate(study, name, size))


def schedule(study: Study) -> Record:
    """Turn the budget that is left into the length of a trial, once; steps are then fixed for good."""
    if (found := study.known("schedule")) is None:
        plan = study.plan
        fact = (
            {"trial_steps": plan.trial_steps}
            if plan.trial_steps
            else {"trial_seconds": _trial_seconds(study)}
        )
        found = study.log("schedule", "", fact)
        _check_floor(study, found)
    return found


def steps_of(study: Study, name: str, size: str, part: float = 1.0) -> int:
    """Steps of a trial of `part` of full length; 0 for what is not trained step by step."""
    calibration, plan = study.need("calibration", f"{name}/{size}"), schedule(study)
    if not calibration["step_seconds"]:
        return 0
    if "trial_steps" in plan:
        return max(1, round(part * plan["trial_steps"]))
    seconds = part * plan["trial_seconds"] - calibration["fixed_seconds"]
    return max(1, round(seconds / calibration["step_seconds"]))


def affordable_sizes(study: Study, name: str) -> list[str]:
    """Sizes whose steps are cheap enough for a first round of tuning to mean something."""
    sizes = list(registry.entry(name).sizes)
    fit = [size for size in sizes if steps_of(study, name, size, tune.RUNGS[0]) >= FLOOR_STEPS]
    return fit or [min(sizes, key=lambda size: study.need("calibration", f"{name}/{size}")["step_seconds"])]


def tune_models(study: Study, watch: Bar) -> dict[str, Record]:
    """Successive halving inside each family; returns the chosen setting of each model."""
    chosen = {}
    for name in study.plan.models:
        if is_gradient(study, name):
            alive = _first_round(study, name)
            for rung, part in enumerate(tune.RUNGS):
                trials = [_tuning_trial(study, name, setting, rung, part) for setting in alive]
                ranked = tune.best_first(study.run(trials, watch))
                alive = ranked[: (len(ranked) + 1) // 2]
            chosen[name] = alive[0]
        else:
            chosen[name] = {"size": next(iter(registry.entry(name).sizes)), "recipe": {}}
    return chosen


def replicate_models(study: Study, chosen: Mapping[str, Record], watch: Bar) -> None:
    """Every model on every redraw, interleaved in random order so that a drifting machine hurts all alike."""
    for replicate in range(study.plan.replicates):
        _canary(study, replicate)
        part = _pace(study, replicate)
        order = np.random.default_rng([study.plan.seed, replicate]).permutation(study.plan.models)
        study.run(
            [_trial(study, "replicate", str(name), chosen[name], replicate, part) for name in order], watch
        )


def open_test(study: Study, chosen: Mapping[str, Record], names: Sequence[str], watch: Bar) -> None:
    """Train the winner and the best baseline once more and judge them on the sealed part."""
    study.run([_trial(study, "final", name, chosen[name], 0, 1.0) for name in names], watch)


def measure_artifacts(study: Study) -> None:
    """Measure the saved artifact of each model's first replicate."""
    if study.known("measured") is None:
        folders = sorted((study.folder / "artifacts").glob("replicate-*"))
        with study.fact("measured") as fact:
            fact["artifacts"] = measure(folders, study.plan.threads)


def look_at_mistakes(study: Study, name: str) -> None:
    """Keep the winner's errors on the test part for the report."""
    if study.known("errors") is None:
        with study.fact("errors") as fact:
            fact.update(mistakes(study.problem, study.folder / "artifacts" / f"final-{name}"))


def is_gradient(study: Study, name: str) -> bool:
    """Whether the model is trained step by step."""
    size = next(iter(registry.entry(name).sizes))
    calibration = study.known("calibration", f"{name}/{size}")
    return bool(calibration and calibration["step_seconds"])


def num_trials(study: Study) -> int:
    """How many trials the study will have run at its end."""
    iterated = sum(is_gradient(study, name) for name in study.plan.models)
    tuning = sum(tune.survivors(study.plan.settings)) * iterated
    return tuning + study.plan.replicates * len(study.plan.models) + 2


def _calibrate(study: Study, name: str, size: str) -> dict[str, Any]:
    started = time.perf_counter()
    draw = study.problem.draw(study.plan.replicates)
    prepared = time.perf_counter() - started
    trial = Trial(key="", stage="tune", model=name, size=size, overrides=registry.entry(name).sizes[size])
    trial = _with_recipe(study, trial, {}, steps=2)
    network = build(draw, trial)
    batch = draw.train.batch(np.arange(min(32, len(draw.train))))
    fact = {
        "parameters": parameters(network),
        "flops": flops(network, Batch(*batch)),
        "prepare_seconds": prepared,
        "step_seconds": 0.0,
        "fixed_seconds": 0.0,
        "solve_seconds": 0.0,
    }
    if train_network(network, draw, trial) is None:
        return fact | {"solve_seconds": run_trial(study.problem, trial)["wall_seconds"]}
    return fact | _step_seconds(study, trial, draw)


def _step_seconds(study: Study, trial: Trial, draw: Draw) -> dict[str, float]:
    """Seconds of one more step, and of what a trial costs beside its steps, from a short and a longer run."""

    def seconds(steps: int) -> float:
        run = _with_recipe(study, trial, {}, steps=steps)
        network = build(draw, run)
        started = device_clock()
        train_network(network, draw, run)
        return device_clock() - started

    short, long = (2, 6) if seconds(2) > SLOW_TRIAL else (8, 72)
    before, after = seconds(short), seconds(long)
    step = max((after - before) / (long - short), 1e-6)
    return {"step_seconds": step, "fixed_seconds": max(0.0, before - short * step)}


def _trial_seconds(study: Study) -> float:
    plan = study.plan
    assert plan.budget_seconds is not None
    calibrations = [_first_calibration(study, name) for name in plan.models]
    iterated = sum(is_gradient(study, name) for name in plan.models)
    draws = plan.replicates + 2
    fixed = sum(line["solve_seconds"] for line in calibrations) * draws
    fixed += max(line["prepare_seconds"] for line in calibrations) * draws
    left = USABLE * plan.budget_seconds - study.spent() - fixed - MEASURE_SECONDS - 0.3 * len(plan.models)
    return max(left, 1e-9) / (iterated * (tune.cost(plan.settings) + plan.replicates) + 2)


def _first_calibration(study: Study, name: str) -> Record:
    return study.need("calibration", f"{name}/{next(iter(registry.entry(name).sizes))}")


def _check_floor(study: Study, plan: Record) -> None:
    """Refuse a budget that leaves some model no meaningful trial at all."""
    if "trial_seconds" not in plan:
        return
    cheapest = {
        name: min(
            study.need("calibration", f"{name}/{size}")["step_seconds"] for size in registry.entry(name).sizes
        )
        for name in study.plan.models
    }
    name, slowest = max(cheapest.items(), key=lambda item: item[1])
    if plan["trial_seconds"] < FLOOR_STEPS * slowest:
        iterated = sum(is_gradient(study, model) for model in study.plan.models)
        trials = iterated * (tune.cost(study.plan.settings) + study.plan.replicates) + 2
        needed = (study.spent() + MEASURE_SECONDS + FLOOR_STEPS * slowest * trials) / USABLE
        raise StudyError(
            f"the budget of {study.plan.budget_seconds:g} s leaves {plan['trial_seconds']:.2f} s a trial, "
            f"too short for {FLOOR_STEPS} steps of {name}; give about {1.2 * needed:.0f}s, or drop {name}"
        )


def _first_round(study: Study, name: str) -> list[dict[str, Any]]:
    entry, affordable = registry.entry(name), affordable_sizes(study, name)
    drawn = tune.settings(entry, study.plan.settings, study.plan.seed)
    return [
        {
            **setting,
            "size": setting["size"] if setting["size"] in affordable else affordable[-1],
            "number": number,
        }
        for number, setting in enumerate(drawn)
    ]


def _tuning_trial(study: Study, name: str, setting: Record, rung: int, part: float) -> Trial:
    number = setting["number"] if "number" in setting else int(setting["key"].rsplit("/", 1)[1])
    trial = _trial(study, "tune", name, setting, study.plan.replicates, part)
    return _renamed(trial, f"tune/{name}/{rung}/{number}")


def _trial(study: Study, stage: str, name: str, setting: Record, replicate: int, part: float) -> Trial:
    size = setting["size"]
    key = f"{stage}/{name}" if stage == "final" else f"{stage}/{name}/{replicate}"
    overrides = registry.entry(name).sizes[size]
    trial = Trial(key=key, stage=stage, model=name, size=size, overrides=overrides, replicate=replicate)
    return _with_recipe(study, trial, setting["recipe"], steps=steps_of(study, name, size, part))


def _with_recipe(study: Study, trial: Trial, recipe: Mapping[str, Any], steps: int) -> Trial:
    fields = {**vars(trial), "steps": steps, "seed": study.plan.seed * 1000 + trial.replicate}
    base = {"batch_size": study.plan.batch_size or _batch_size(len(study.problem.rest))}
    return Trial(**{**fields, "recipe": {**base, **recipe, **study.plan.recipe}})


def _renamed(trial: Trial, key: str) -> Trial:
    return Trial(**{**vars(trial), "key": key})


def _batch_size(num_examples: int) -> int:
    """Small data wants many noisy steps, large data few cheap ones."""
    return next(size for limit, size in ((500, 16), (4000, 32), (np.inf, 64)) if num_examples < limit)


def _canary(study: Study, replicate: int) -> None:
    """Time a fixed job, so that a throttling or busy machine shows."""
    if study.known("canary", str(replicate)) is None:
        matrix = np.random.default_rng(0).standard_normal((192, 192)).astype(np.float32)
        times = sorted(seconds_per_call(lambda: matrix @ matrix, at_least=0.01) for _ in range(3))
        study.log("canary", str(replicate), {"seconds": times[1]})


def _pace(study: Study, replicate: int) -> float:
    """Length of this round's trials: shortened, for all alike, when the machine became too slow."""
    if (found := study.known("pace", str(replicate))) is None:
        found = study.log("pace", str(replicate), {"part": _affordable_part(study, replicate)})
    return found["part"]


def _affordable_part(study: Study, replicate: int) -> float:
    """What is left of the budget over what the rest would cost at the speed seen so far."""
    plan = study.plan
    if plan.budget_seconds is None:
        return 1.0
    planned = schedule(study)["trial_seconds"]
    rounds = plan.replicates - replicate
    iterated = sum(is_gradient(study, name) for name in plan.models)
    solved = sum(_first_calibration(study, name)["solve_seconds"] for name in plan.models)
    needed = (rounds * iterated + 2) * planned * _slowdown(study) + (rounds + 2) * solved
    left = plan.budget_seconds - study.spent() - MEASURE_SECONDS
    return 1.0 if needed <= left else float(max(0.1, round(left / needed, 2)))


def _slowdown(study: Study) -> float:
    """Wall seconds of the trials so far over the seconds they were planned for, all they cost included."""
    planned = schedule(study)["trial_seconds"]
    spent = expected = 0.0
    for line in study.ledger.all("trial"):
        if full := steps_of(study, line["model"], line["size"]):
            spent += line["wall_seconds"]
            expected += planned * line["steps"] / full
    return spent / expected if expected else 1.0
