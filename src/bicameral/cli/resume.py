"""bicameral resume: go on with a study that was stopped."""

from bicameral.cli.app import STUDY, resumable, verb
from bicameral.cli.options import Json, StudyFolder
from bicameral.cli.show import show_json, show_lines


@verb("resume", panel=STUDY, example="bicameral resume runs/digits")
def resume(study: StudyFolder, json: Json = False) -> None:
    """Finish the trials that a stopped study still owes."""
    from bicameral.studies.compare import resume as go_on
    from bicameral.studies.report.text import render

    with resumable(f"every finished trial is kept; go on with: bicameral resume {study}"):
        outcome = go_on(study)
    if json:
        show_json(outcome.results)
    else:
        show_lines([render(outcome.results), f"report   {outcome.folder / 'report.html'}"])
