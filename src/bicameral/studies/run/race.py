"""Who is still compared: constants take part in one repetition, who is out of reach in no more rounds."""

from bicameral import registry
from bicameral.studies.judge.evidence import Answers
from bicameral.studies.judge.racing import out_of_reach
from bicameral.studies.record.outcomes import read_outcomes
from bicameral.studies.run.guessing import GUESSES, OTHERWISE
from bicameral.studies.run.schedule import schedule
from bicameral.studies.run.study import Study
from bicameral.studies.run.timing import is_iterated


def alive(study: Study, number: int) -> list[str]:
    """Return the models that take part in a round, counted from 0."""
    left = {line["model"] for line in study.ledger.all("left_behind") if line["after"] <= number}
    over = number >= study.problem.folds and study.plan.trial_steps is None
    return [name for name in study.models if name not in left and not (over and is_constant(study, name))]


def is_constant(study: Study, name: str) -> bool:
    """Whether the model answers by a rule, or without looking: more fits of it say nothing new."""
    rule = not registry.entry(name).closed_form and not is_iterated(study, name)
    return rule or name in {OTHERWISE, *GUESSES.values()}


def leave_behind(study: Study, done: int) -> None:
    """Book who is shown to be out of reach of the best after so many rounds, in a budget of time."""
    looks = [line["after"] for line in study.ledger.all("look")]
    if study.plan.trial_steps is not None or done in looks:
        return
    names = alive(study, done)
    planned = max(schedule(study)["rounds"], done)
    found = out_of_reach(_answers(study, names), done=done, planned=planned, before=max(looks, default=0))
    for name in found:
        study.log("left_behind", name, {"model": name, "after": done})
    study.log("look", str(done), {"after": done, "left_behind": found})


def _answers(study: Study, names: list[str]) -> Answers:
    """What each example got, of models still compared; a crash is a fit without outcomes."""
    lines = [line for line in study.ledger.all("trial") if line["stage"] == "replicate"]
    return Answers(
        {
            name: {
                line["replicate"]: read_outcomes(study.folder, line) if line["status"] == "ok" else None
                for line in lines
                if line["model"] == name
            }
            for name in names
        }
    )
