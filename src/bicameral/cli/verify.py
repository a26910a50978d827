"""bicameral verify: recompute every number of a report from its ledger."""

import dataclasses
from typing import Annotated

import typer

from bicameral.cli.app import FAILED, STUDY, verb
from bicameral.cli.options import Json, StudyFolder
from bicameral.cli.show import show_json, show_lines

SKIPPED = 3  # exit code: nothing is wrong, but something could not be looked at
WORDS = {True: "ok", False: "WRONG", None: "skipped"}
Rerun = Annotated[
    int, typer.Option(min=0, help="Train so many replicates again; their scores must come back.")
]
Seal = Annotated[str, typer.Option(help="Seal of the ledger as the study printed it.")]


@verb("verify", panel=STUDY, example="bicameral verify runs/digits --rerun 2")
def verify(study: StudyFolder, rerun: Rerun = 0, seal: Seal = "", json: Json = False) -> None:
    """Recompute a report from its ledger, what its examples got, and its data.

    Exit code 1 where something does not agree, 3 where something could not be looked at.
    """
    from bicameral.studies.verify import verdict
    from bicameral.studies.verify import verify as recompute

    checks = recompute(study, rerun=rerun, seal=seal)
    if json:
        show_json([dataclasses.asdict(check) for check in checks])
    else:
        show_lines(f"{WORDS[check.ok]:<9}{check.name}: {check.detail}" for check in checks)
    held = verdict(checks)
    raise typer.Exit(FAILED if held is False else 0 if held else SKIPPED)
