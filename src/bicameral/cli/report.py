"""bicameral report: write the page of a study again."""

from bicameral.cli.app import STUDY, verb
from bicameral.cli.compare import outcome
from bicameral.cli.options import Json, StudyFolder
from bicameral.cli.show import show_json, show_lines


@verb("report", panel=STUDY, example="bicameral report runs/digits")
def report(study: StudyFolder, json: Json = False) -> None:
    """Show the verdict of a study and write its page again."""
    from bicameral.studies.record.folder import read_results, undamaged
    from bicameral.studies.report import write_report

    with undamaged(study):
        results = read_results(study)
        write_report(results, study)
        lines = outcome(results, study)
    if json:
        show_json(results)
    else:
        show_lines(lines)
