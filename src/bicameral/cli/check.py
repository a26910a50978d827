"""bicameral check: read the data and look for what would spoil a comparison."""

from typing import Any

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import FAILED, YOUR_DATA, verb
from bicameral.cli.options import Data, Fields, Json
from bicameral.cli.show import escaped, show_json, show_lines

MOST_FAULTS = 20  # named in full on a terminal


@verb("check", panel=YOUR_DATA, example="bicameral check recordings/ groups=speakers.csv")
def check(data: Data, fields: Fields = None, json: Json = False) -> None:
    """Look for leaks, duplicates, broken files and shortcuts.

    A FIELD belongs to the task (horizon, lookback ...), so that a forecast is audited as it will be cut, else
    to the reader of the data.

    Exit code 1 where something must be mended before a comparison.
    """
    from bicameral.data.audit import audit
    from bicameral.data.read import read
    from bicameral.problems.options import cut_for, split_options

    asked, reading = split_options(settings.parse(fields))
    dataset = read(data, **reading)
    findings = audit(dataset, cut=cut_for(dataset, asked) if asked else None)
    if json:
        show_json({"data": facts(dataset), "audit": findings.to_dict(), "passed": findings.passed})
    else:
        show_lines([*describe(dataset), *map(escaped, str(findings).splitlines())])
    raise typer.Exit(0 if findings.passed else FAILED)


def facts(dataset: Any) -> dict[str, Any]:
    """What was read."""
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "examples": len(dataset),
        "classes": list(dataset.classes),
        "quarantined": [f"{fault.where}: {fault.what}" for fault in dataset.faults],
    }


def describe(dataset: Any) -> list[str]:
    """What was read, for people."""
    classes = f" in {len(dataset.classes)} classes" if dataset.classes else ""
    what = f"{len(dataset):,} examples of kind {dataset.kind}{classes}"
    named = [f"{fault.where}: {fault.what}" for fault in dataset.faults[:MOST_FAULTS]]
    if len(dataset.faults) > MOST_FAULTS:
        named.append(f"and {len(dataset.faults) - MOST_FAULTS:,} more; --json names all")
    return [
        f"data     {escaped(dataset.name)}: {what}",
        *(f"  QUARANTINED  {escaped(name)}" for name in named),
    ]
