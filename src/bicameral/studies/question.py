"""The question of a study: what its plan asks of its data, frozen before anything is trained."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from bicameral import registry
from bicameral.data.contents import contents_digest, is_current
from bicameral.data.dataset import Dataset
from bicameral.disk import jsonable
from bicameral.errors import ConfigError, nearest
from bicameral.probes.recommend import candidates
from bicameral.problems.problem import Problem
from bicameral.studies.record.plan import Plan
from bicameral.tasks import own, task_of
from bicameral.tasks.network import Network
from bicameral.training.contestants import kind_of

FOLDS = (6, 5, 4)  # of these the first that divides the replicates, so that no repetition is left half done

ROLES = {"baseline": "baseline", "control": "control"}  # by family; all others are candidates
PLAIN = ("majority", "linear", "logistic")  # baselines of tables of features


def question(plan: Plan, problem: Problem) -> dict[str, Any]:
    """What was asked, as the report says it."""
    task = problem.draw(0).task
    percent = task.headline.percent
    return {
        "data": problem.raw.name,
        "kind": problem.raw.kind,
        "task": task.name,
        "metric": plan.metric,
        "unit": "%" if percent else "",
        "scale": 100 if percent else 1,
        "higher_is_better": task.headline.higher_is_better,
        "rope": plan.rope,
        "budget_seconds": plan.budget_seconds,
        "trial_steps": plan.trial_steps,
        "device": plan.device,
        "limits": dict(plan.limits),
    }


def what_changed(plan: Plan, dataset: Dataset) -> str:
    """Say why the data cannot be taken for those the plan was frozen on; nothing where they are the same."""
    if not is_current(plan.data_digest):
        return (
            f"the digest of the data, {plan.data_digest}, was made by an older rule, which did not see their "
            "contents; start a new study"
        )
    same = contents_digest(dataset) == plan.data_digest
    return "" if same else f"the data at {plan.source} is not what the plan was frozen on; start a new study"


def folds_for(replicates: Any) -> int:
    """Return into how many folds to divide for so many replicates; the plan says where they are no number."""
    if not isinstance(replicates, int):
        return FOLDS[-1]
    return next((folds for folds in FOLDS if replicates % folds == 0), FOLDS[-1])


def roles_of(
    dataset: Dataset, models: Sequence[Any] | None, families: Sequence[str] | None, task: str | None = None
) -> dict[str, str]:
    """Model -> role, from the menu for this kind of data or from the user's list.

    task  the one that the user named; else what the data ask
    """
    names = candidates(dataset) if models is None else _models(models, dataset)
    families = None if families is None else _listed("families", families)
    for family in families or ():
        if family not in get_args(registry.Family):
            raise ConfigError(f"no family called {family!r}{nearest(family, get_args(registry.Family))}")
    if families:
        kept = {*families, *ROLES}
        names = [name for name in names if registry.entry(name).family in kept]
    is_table = kind_of(dataset) == "table"
    found = {name: _role(name, is_table) for name in dict.fromkeys(names)}
    if len(found) < 2 or "candidate" not in found.values():
        raise ConfigError(
            "a comparison needs at least two models, one of them a candidate besides the baselines, such as "
            f"gru or resnet, not {', '.join(names) or 'none'}"
        )
    for name in found:
        task_of(dataset, task).check_model(registry.entry(name), dataset.kind)
    return found


def _role(name: str, is_table: bool) -> str:
    """On features no architecture competes: what learns more than a line there is a candidate."""
    if is_table and name not in PLAIN:
        return "candidate"
    return ROLES.get(registry.entry(name).family, "candidate")


def _models(models: Any, dataset: Dataset) -> list[str]:
    """Names of models; a user's own network is made known by its own."""
    if not isinstance(models, str | Sequence):
        return _listed("models", models)
    given = models.split(",") if isinstance(models, str) else models
    entered = [own.enter(one, dataset.kind) if own.is_own(one) else one for one in given]
    return _listed("models", entered)


def _listed(option: str, names: Any) -> list[str]:
    """Names as a list, or in one text with commas between them."""
    names = names.split(",") if isinstance(names, str) else names
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{option} is {names!r}; expected names, such as [gru, resnet]")
    return [name.strip() for name in names if name.strip()]


def freeze(dataset: Dataset, fields: dict[str, Any], rope: float | None) -> tuple[Plan, Problem]:
    """Freeze the plan once the task has said what its metric is and what difference of it matters."""
    roles = tuple(fields["roles"])
    fields = jsonable(fields) | {"models": roles, "data_digest": contents_digest(dataset)}
    draft = Plan(**fields)
    problem = problem_of(draft, dataset)
    task = problem.draw(0).task
    if rope is None:
        rope = task.rope(dataset)
    networks = {name: facts for name in roles if (facts := own.facts_of(name))}
    for name in networks:
        _try(problem, name)
    return Plan(**{**fields, "metric": task.metric, "rope": rope, "own": networks}), problem


def _try(problem: Problem, name: str) -> None:
    """See that an own network reads these data, before anything is trained."""
    draw = problem.draw(0)
    network = Network(draw.preprocessing.layout, draw.task, name)
    own.check(network, draw.train.batch(np.arange(min(own.ROWS, len(draw.train)))))


def problem_of(plan: Plan, dataset: Dataset) -> Problem:
    """The problem that a plan poses on its data."""
    return Problem(
        dataset,
        task_options=plan.task_options,
        seed=plan.seed,
        test_fraction=plan.test_fraction,
        folds=plan.folds,
        missing=plan.data_options.get("missing"),
    )
