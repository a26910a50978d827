"""bicameral compare: which architecture does this data reward, under one budget?"""

import inspect
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import YOUR_DATA, resumable, verb
from bicameral.cli.options import Data, DryRun, Fields, Jobs, Json, On, Override, Runs
from bicameral.cli.show import show_json, show_lines

STUDY_FILES = {".yaml", ".yml", ".py"}
Words = Annotated[str | None, typer.Option(help="Names, separated by commas; all that fit if not given.")]
Name = Annotated[str | None, typer.Option(help="Name of the study; the next number if not given.")]
Budget = Annotated[
    str | None, typer.Option(help="90s, 10min or 2h in all, or 400steps a trial; 10min if not given.")
]
Replicates = Annotated[
    int | None, typer.Option(help="Repetitions, each its own split and seed; 6 if not given.")
]
SeedIfGiven = Annotated[
    int | None, typer.Option("--seed", help="The number all randomness is drawn from; 0 if not given.")
]
Rope = Annotated[
    float | None, typer.Option(help="The smallest difference worth caring about; one point if not given.")
]


@verb("compare", panel=YOUR_DATA, example="bicameral compare clips/ --budget 30min --models resnet,gru")
def compare(
    data: Data,
    fields: Fields = None,
    name: Name = None,
    runs: Runs = Path("runs"),
    budget: Budget = None,
    families: Words = None,
    models: Words = None,
    replicates: Replicates = None,
    seed: SeedIfGiven = None,
    rope: Rope = None,
    override_audit: Override = False,
    jobs: Jobs = None,
    on: On = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Compare families under one budget and say how sure the answer is.

    DATA may also be a study file: .yaml, or .py with `study = {...}`, its keys those of bicameral.compare.

    What is given here goes before what stands there.
    """
    override, fields = settings.overriding(override_audit, fields)
    flags = {
        "name": name,
        "budget": budget,
        "families": _words(families),
        "models": _words(models),
        "replicates": replicates,
        "seed": seed,
        "rope": rope,
        "override_audit": override or None,
        "jobs": jobs,
        "on": on,
    }
    given = {flag: value for flag, value in flags.items() if value is not None}
    question = _checked({"source": data, **_study(data), **given, **settings.parse(fields)})
    if dry_run:
        show_cost(question, json)
    else:
        show_study(run_study(question, runs), json)


def run_study(question: Mapping[str, Any], runs: Path) -> Any:
    """Run the comparison in a folder with a name, so that it can be resumed."""
    from bicameral.studies.compare import compare as run
    from bicameral.studies.record.folder import next_folder

    name = str(question.get("name") or next_folder(runs).name)
    with resumable(f"every finished trial is kept; go on with: bicameral resume {runs / name}"):
        return run(**{**question, "name": name, "folder": runs, "command": _command()})


def show_study(study: Any, json: bool) -> None:
    """Show the results of a finished study."""
    if json:
        show_json({"folder": study.folder, **study.results})
    else:
        show_lines(outcome(study.results, study.folder))


def outcome(results: Mapping[str, Any], folder: Path) -> list[str]:
    """The verdict for people, where the page is, and what to do with the best of all."""
    from bicameral.studies.report.text import render

    verdict = results["verdict"]
    choice = (verdict["choice"] or {}).get("name")
    roles = [
        role for role in ("candidate", "baseline") if verdict[f"best_{role}"] == choice != verdict["best"]
    ]
    return [
        render(results),
        "",
        f"report   {folder / 'report.html'}",
        f"seal     {results['provenance']['hashes']['ledger']}",
        f"next     bicameral predict {folder / next(iter(roles), 'best')} NEW-DATA",
    ]


def show_cost(question: Mapping[str, Any], json: bool) -> None:
    """Show what the comparison would run and cost."""
    from bicameral.studies.compare import compare as run

    cost = run(**question, dry_run=True)
    if json:
        show_json(cost)
        return
    show_lines(forecast(cost))


def forecast(cost: Mapping[str, Any]) -> list[str]:
    """What a study would do, for people."""
    budget = "as long as the steps take" if cost["seconds"] is None else f"about {cost['seconds']:.0f} s"
    examples = f"{cost['num_examples']:,}, of which {cost['sealed_test_examples']:,} are sealed for the test"
    lines = [
        f"examples  {examples}",
        f"models    {', '.join(f'{name} ({role})' for name, role in cost['models'].items())}",
        f"time      {budget}, {cost['jobs']} trials side by side",
    ]
    if cost["refused"]:
        return [*lines, f"refused   {cost['refused']}"]
    lines.append(f"trials    {cost['trials']}, of them {cost['rounds']} rounds of every model")
    lines += [f"training  {name}: {_training(each)}" for name, each in cost["training"].items() if each]
    if cost["left_out"]:
        lines.append(f"left out  {', '.join(cost['left_out'])}: the budget cannot train them enough")
    if cost["half_width"] is not None:
        points = 100 * cost["half_width"]
        lines.append(f"can show  differences of about {points:.1f} points; smaller ones may stay undecided")
    return lines


def _training(each: Mapping[str, Any]) -> str:
    told = f"{each['steps']} steps, {each['epochs']:.1f} epochs, {each['seconds']:.2g} s a trial"
    return told if each["enough"] else f"{told}: not enough to be judged"


def _command() -> str:
    return shlex.join(["bicameral", *sys.argv[1:]])


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _study(data: str) -> dict[str, Any]:
    """The keys of a study file; its paths are seen from where the command runs."""
    from bicameral.studies.record.plan import read_study_file

    return read_study_file(Path(data)) if Path(data).suffix in STUDY_FILES else {}


def _checked(question: dict[str, Any]) -> dict[str, Any]:
    """Refuse a misspelt key; what `compare` does not know is for the reader of the data."""
    from bicameral.studies.compare import compare as run

    settings.divide(question, {"compare": inspect.signature(run).parameters}, rest="data")
    return question
