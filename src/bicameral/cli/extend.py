"""bicameral extend: more rounds for a study that has run."""

from typing import Annotated

import typer

from bicameral.cli.app import STUDY, resumable, verb
from bicameral.cli.compare import show_study
from bicameral.cli.options import Jobs, Json, On, StudyFolder

Budget = Annotated[
    str, typer.Option(help="What is added: +10min, or +6rounds where the budget of the study is in steps.")
]


@verb("extend", panel=STUDY, example="bicameral extend runs/0001 --budget +10min")
def extend(study: StudyFolder, budget: Budget, jobs: Jobs = None, on: On = None, json: Json = False) -> None:
    """Add rounds to a study, so that what is undecided may be settled; the report says that it was."""
    from bicameral.studies.compare import extend as add

    with resumable(f"every finished trial is kept; go on with: bicameral resume {study}"):
        outcome = add(study, budget, jobs=jobs, on=on or "local")
    show_study(outcome, json)
