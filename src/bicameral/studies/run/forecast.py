"""What a study would run, take and be able to show, after timing a few steps of each model."""

from typing import Any

from bicameral.errors import StudyError
from bicameral.studies.judge.power import half_width
from bicameral.studies.run import timing
from bicameral.studies.run.description import describe_data
from bicameral.studies.run.schedule import floor_steps, num_trials, schedule, steps_of
from bicameral.studies.run.study import Study


def forecast_cost(study: Study) -> dict[str, Any]:
    """Time every model's first size and plan the study, without running it.

    half_width  of the interval of a difference that the study can likely show, as a share; None of a metric
                that is no share, and where the study would be refused
    refused     why, where the budget cannot train a model that was named
    """
    plan, problem = study.plan, study.problem
    describe_data(study)
    timing.calibrate_first(study)
    found = {
        "plan": plan.to_dict(),
        "digest": plan.digest(),
        "num_examples": len(problem.dataset),
        "sealed_test_examples": len(problem.test),
        "models": {name: plan.roles[name] for name in plan.models},
        "seconds": plan.budget_seconds,
        "jobs": study.jobs,
    }
    try:
        return found | _planned(study)
    except StudyError as error:
        nothing = dict.fromkeys(("trials", "rounds", "training", "half_width"))
        return found | nothing | {"left_out": [], "refused": str(error)}


def _planned(study: Study) -> dict[str, Any]:
    made = schedule(study)
    return {
        "trials": num_trials(study),
        "rounds": made["rounds"],
        "left_out": list(made["left_out"]),
        "training": {name: _training(study, name) for name in study.models},
        "half_width": _half_width(study, made["rounds"]),
        "refused": "",
    }


def _training(study: Study, name: str) -> dict[str, Any] | None:
    """Steps, epochs and seconds of a full trial of the first size; None where nothing is iterated."""
    if not timing.is_iterated(study, name):
        return None
    steps = steps_of(study, name, timing.timed_sizes(study, name)[0])
    return {
        "steps": steps,
        "epochs": steps * timing.batch_size_of(study) / study.need("data")["split"]["train"],
        "seconds": steps * timing.cost_of(study, name)["step_seconds"],
        "enough": study.plan.trial_steps is not None or steps >= floor_steps(study),
    }


def _half_width(study: Study, rounds: int) -> float | None:
    if not study.problem.draw(0).task.headline.percent:
        return None
    rest, folds = study.problem.rest, study.problem.folds
    judged = len(rest) * min(rounds, folds) // folds
    units = len(set(study.problem.units[rest].tolist())) * min(rounds, folds) // folds
    width = half_width(judged, rounds, units=units)
    return width if width < float("inf") else None
