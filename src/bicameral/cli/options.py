"""The arguments that several verbs share, so that one word means one thing everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A file or folder of data; docs/data.md shows the layouts.")
]
ArtifactFolder = Annotated[
    Path, typer.Argument(metavar="ARTIFACT", help="A saved artifact, such as runs/digits/best.")
]
StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="A study, such as runs/digits.")]
Fields = Annotated[
    list[str] | None,
    typer.Argument(metavar="FIELD=VALUE", help="Settings by name, such as target=price."),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run and what it costs, then stop.")]
Seed = Annotated[int, typer.Option(help="The number all randomness is drawn from.")]
Runs = Annotated[Path, typer.Option(help="Where the folder of this run is made.")]
Override = Annotated[
    bool,
    typer.Option(
        "--override-audit",
        help="Go on after a FAIL of the audit, or of the checks named behind it: --override-audit "
        "duplicates,groups. The result says so.",
    ),
]
Jobs = Annotated[
    int | None, typer.Option(help="Trials side by side, each in its own process; all cores if not given.")
]
On = Annotated[str | None, typer.Option(help="Where trials run: local, or ray for many machines.")]
