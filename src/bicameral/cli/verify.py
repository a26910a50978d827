"""bicameral verify: recompute every number of a report from its ledger."""

import dataclasses

import typer

from bicameral.cli.app import FAILED, STUDY, verb
from bicameral.cli.options import Json, StudyFolder
from bicameral.cli.show import show_json, show_lines


@verb("verify", panel=STUDY, example="bicameral verify runs/digits")
def verify(study: StudyFolder, json: Json = False) -> None:
    """Recompute every number of a report from its ledger.

    Exit code 1 where one does not agree.
    """
    from bicameral.studies.verify import verify as recompute

    checks = recompute(study)
    if json:
        show_json([dataclasses.asdict(check) for check in checks])
    else:
        show_lines(f"{'ok' if check.ok else 'WRONG':<7}{check.name}: {check.detail}" for check in checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else FAILED)
