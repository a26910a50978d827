"""bicameral resume: go on with a study that was stopped."""

from bicameral.cli.app import STUDY, resumable, verb
from bicameral.cli.compare import show_study
from bicameral.cli.options import Jobs, Json, On, StudyFolder


@verb("resume", panel=STUDY, example="bicameral resume runs/0001")
def resume(study: StudyFolder, jobs: Jobs = None, on: On = None, json: Json = False) -> None:
    """Finish the trials that a stopped study still owes."""
    from bicameral.studies.compare import resume as go_on

    with resumable(f"every finished trial is kept; go on with: bicameral resume {study}"):
        outcome = go_on(study, jobs=jobs, on=on or "local")
    show_study(outcome, json)
