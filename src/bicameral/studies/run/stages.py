"""The stages of a comparison. Each asks the ledger first, so that a killed study goes on where it was."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bicameral import registry
from bicameral.data.audit import audit
from bicameral.data.audit.gate import raise_on_failure
from bicameral.errors import StudyError
from bicameral.probes import probe
from bicameral.probes.bench import ENOUGH_STEPS, FEWEST_STEPS
from bicameral.probes.recommend import recommend
from bicameral.progress import Bar
from bicameral.studies.errors.examples import mistakes
from bicameral.studies.record.plan import Plan
from bicameral.studies.run import timing, tune
from bicameral.studies.run.measure import measure
from bicameral.studies.run.study import Study
from bicameral.studies.run.trial import Trial

Record = Mapping[str, Any]
PROBE_SHARE = 0.12  # of a budget in seconds


def audit_data(study: Study) -> Record:
    """Audit the data; a FAIL ends the study unless the plan overrides it."""
    if study.known("audit") is None:
        with study.fact("audit") as fact:
            fact.update(audit(study.problem.raw, split=study.problem.parts()).to_dict())
    found = study.need("audit")
    raise_on_failure(found, override=study.plan.override_audit)
    return found


def probe_data(study: Study) -> None:
    """Probe the data and recommend, within the plan's share of a budget in seconds."""
    plan = study.plan
    if plan.probe_seconds != 0 and study.known("probes") is None:
        with study.fact("probes") as fact:
            asked: dict[str, Any] = {"seed": plan.seed, "task_options": dict(plan.task_options)}
            found = probe(study.problem.raw, **_probe_length(plan), **asked)
            fact["probes"] = [item.to_dict() for item in found]
            fact["recommendation"] = recommend(study.problem.raw, found, **asked)


def _probe_length(plan: Plan) -> dict[str, Any]:
    """Trial steps fix the probes' steps too, so that no clock decides what they find."""
    if plan.trial_steps is not None:
        return {"steps": min(max(plan.trial_steps, FEWEST_STEPS), ENOUGH_STEPS)}
    assert plan.budget_seconds is not None
    return {
        "seconds": PROBE_SHARE * plan.budget_seconds if plan.probe_seconds is None else plan.probe_seconds
    }


def tune_models(study: Study, watch: Bar) -> dict[str, Record]:
    """Successive halving inside each family, a round of all at once; returns each model's chosen setting."""
    alive = {name: _first_round(study, name) for name in study.models if timing.is_iterated(study, name)}
    for rung, part in enumerate(tune.RUNGS):
        trials = {
            name: [_tuning_trial(study, name, setting, rung, part) for setting in settings]
            for name, settings in alive.items()
        }
        study.run([trial for family in trials.values() for trial in family], watch)
        for name, family in trials.items():
            ranked = tune.best_first([study.need("trial", trial.key) for trial in family])
            alive[name] = ranked[: (len(ranked) + 1) // 2]
    return {name: alive[name][0] if name in alive else _only_setting(name) for name in study.models}


def replicate_models(study: Study, chosen: Mapping[str, Record], watch: Bar) -> None:
    """Every model on every redraw, interleaved in random order so that a drifting machine hurts all alike."""
    for replicate in range(study.plan.replicates):
        timing.canary(study, replicate)
        part = timing.pace(study, replicate)
        if not part:
            break
        order = np.random.default_rng([study.plan.seed, replicate]).permutation(study.models)
        study.run(
            [_trial(study, "replicate", str(name), chosen[name], replicate, part) for name in order], watch
        )


def open_test(study: Study, chosen: Mapping[str, Record], names: Sequence[str], watch: Bar) -> None:
    """Train the winner and the best baseline once more and judge them on the sealed part."""
    for record in study.run([_trial(study, "final", name, chosen[name], 0, 1.0) for name in names], watch):
        if record["status"] != "ok":
            raise StudyError(f"the final training of {record['model']} failed: {record['reason']}")


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


def _first_round(study: Study, name: str) -> list[Record]:
    entry, affordable = registry.entry(name), timing.affordable_sizes(study, name)
    drawn = tune.settings(entry, study.plan.settings, study.plan.seed)
    return [
        {
            **setting,
            "size": setting["size"] if setting["size"] in affordable else affordable[-1],
            "number": number,
        }
        for number, setting in enumerate(drawn)
    ]


def _only_setting(name: str) -> Record:
    return {"size": next(iter(registry.entry(name).sizes)), "recipe": {}}


def _tuning_trial(study: Study, name: str, setting: Record, rung: int, part: float) -> Trial:
    number = setting["number"] if "number" in setting else int(setting["key"].rsplit("/", 1)[1])
    trial = _trial(study, "tune", name, setting, study.plan.replicates, part)
    return _renamed(trial, f"tune/{name}/{rung}/{number}")


def _trial(study: Study, stage: str, name: str, setting: Record, replicate: int, part: float) -> Trial:
    size = setting["size"]
    key = f"{stage}/{name}" if stage == "final" else f"{stage}/{name}/{replicate}"
    overrides = registry.entry(name).sizes[size]
    trial = Trial(key=key, stage=stage, model=name, size=size, overrides=overrides, replicate=replicate)
    return _with_recipe(study, trial, setting["recipe"], steps=timing.steps_of(study, name, size, part))


def _with_recipe(study: Study, trial: Trial, recipe: Mapping[str, Any], steps: int) -> Trial:
    fields = {
        **vars(trial),
        "steps": steps,
        "seed": study.plan.seed * 1000 + trial.replicate,
        "device": study.plan.device,
    }
    base = {"batch_size": study.plan.batch_size or timing.batch_size(len(study.problem.rest))}
    return Trial(**{**fields, "recipe": {**base, **recipe, **study.plan.recipe}})


def _renamed(trial: Trial, key: str) -> Trial:
    return Trial(**{**vars(trial), "key": key})
