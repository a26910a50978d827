"""bicameral compare: which architecture does this data reward, under one budget?"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import YOUR_DATA, resumable, verb
from bicameral.cli.options import Data, DryRun, Fields, Json, Runs, Seed
from bicameral.cli.show import show_json, show_lines
from bicameral.errors import ConfigError, nearest

STUDY_FILES = {".yaml", ".yml", ".py"}
Words = Annotated[str | None, typer.Option(help="Names, separated by commas; all that fit if not given.")]

Override = Annotated[bool, typer.Option("--override-audit", help="Go on after a FAIL; the report says so.")]


@verb("compare", panel=YOUR_DATA, example="bicameral compare clips/ --budget 30min --models resnet,gru")
def compare(
    data: Data,
    fields: Fields = None,
    name: Annotated[str | None, typer.Option(help="Name of the study, else that of the data.")] = None,
    runs: Runs = Path("runs"),
    budget: Annotated[
        str, typer.Option(help="90s, 10min or 2h for everything, or 400steps a trial.")
    ] = "10min",
    families: Words = None,
    models: Words = None,
    replicates: Annotated[int, typer.Option(help="Repetitions, each with its own split and seed.")] = 6,
    seed: Seed = 0,
    rope: Annotated[float | None, typer.Option(help="The smallest difference worth caring about.")] = None,
    override_audit: Override = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Compare families under one budget and say how sure the answer is.

    DATA may also be a study file (.yaml, or .py with `study = {...}`); its keys are those of
    bicameral.compare.
    """
    arguments = {
        "name": name,
        "folder": runs,
        "budget": budget,
        "families": _words(families),
        "models": _words(models),
        "replicates": replicates,
        "seed": seed,
        "rope": rope,
        "override_audit": override_audit,
        **settings.parse(fields),
    }
    if Path(data).suffix in STUDY_FILES:
        arguments |= _study(Path(data))
    else:
        arguments["source"] = data
    with resumable("every finished trial is kept; go on with: bicameral resume"):
        run_study(arguments, dry_run=dry_run, json=json)


def run_study(arguments: Mapping[str, Any], *, dry_run: bool, json: bool) -> Any:
    """Run the comparison and show its outcome."""
    from bicameral.studies.compare import compare as run
    from bicameral.studies.report.text import render

    study = run(**arguments, dry_run=dry_run)
    if json:
        show_json(study.results)
    else:
        show_lines([render(study.results), f"report   {study.folder / 'report.html'}"])
    return study


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _study(path: Path) -> dict[str, Any]:
    from bicameral.studies.compare import compare as run
    from bicameral.studies.plan import read_study_file

    study = read_study_file(path)
    _check_keys(study, run)
    return study


def _check_keys(study: Mapping[str, Any], run: Callable[..., Any]) -> None:
    known = set(inspect.signature(run).parameters)
    for key in study:
        if key not in known:
            raise ConfigError(f"a study has no {key!r}{nearest(key, known)}")
