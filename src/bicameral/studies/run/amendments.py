"""More rounds for a study that has run: an amendment of its plan, kept in the ledger."""

import re

from bicameral.errors import ConfigError
from bicameral.studies.run.study import Study
from bicameral.training.budgets import parse_budget


def amend(study: Study, budget: str) -> None:
    """Book what is added, and take back that the rounds were over."""
    amount = str(budget).strip().removeprefix("+")
    rounds = re.fullmatch(r"(\d+)\s*rounds?", amount)
    if study.plan.trial_steps is not None:
        if rounds is None or not int(rounds[1]):
            raise ConfigError(f"this study counts steps; add rounds to it, such as +6rounds, not {budget!r}")
        study.log("extension", _number(study), {"rounds": int(rounds[1]), "until_seconds": None})
        return
    seconds = None if rounds else parse_budget(amount)["budget_seconds"]
    if seconds is None:
        raise ConfigError(f"this study has a budget of time; add time to it, such as +10min, not {budget!r}")
    until = study.elapsed() + seconds
    study.log("extension", _number(study), {"rounds": None, "until_seconds": until})


def _number(study: Study) -> str:
    return str(len(study.ledger.all("extension")))
