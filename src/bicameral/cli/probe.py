"""bicameral probe: which inductive bias does the data reward?"""

from typing import Annotated

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import YOUR_DATA, verb
from bicameral.cli.options import Data, Fields, Json, Seed
from bicameral.cli.show import show_json, show_lines


@verb("probe", panel=YOUR_DATA, example="bicameral probe recordings/ --seconds 60")
def probe(
    data: Data,
    fields: Fields = None,
    seconds: Annotated[float, typer.Option(help="Time to spend on all probes together.")] = 60,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Measure locality, translation, order and memory, each against a null."""
    from bicameral.data.read import read
    from bicameral.probes import probe as run
    from bicameral.problems.options import split_options

    task_options, reading = split_options(settings.parse(fields))
    probes = run(read(data, **reading), seconds=seconds, seed=seed, task_options=task_options)
    findings = [found.to_dict() for found in probes]
    if json:
        show_json(findings)
    else:
        show_lines(f"{found['name']:<17}{found['skipped'] or found['sentence']}" for found in findings)
