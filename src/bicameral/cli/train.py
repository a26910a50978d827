"""bicameral train: one model on your data, saved with everything it needs to predict."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import YOUR_DATA, resumable, verb
from bicameral.cli.options import Data, DryRun, Fields, Json, Override, Runs, Seed
from bicameral.cli.show import show_json, show_lines


@verb(
    "train",
    panel=YOUR_DATA,
    example="bicameral train recordings/ --model gru --budget 2min width=64 learning_rate=3e-3",
)
def train(
    data: Data,
    fields: Fields = None,
    model: Annotated[
        str | None, typer.Option(help="A name from `bicameral models`; by default the first recommended.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="A size of the model; its default if not given.")] = None,
    budget: Annotated[str, typer.Option(help="90s, 10min, 400steps or 12epochs.")] = "60s",
    runs: Runs = Path("runs"),
    seed: Seed = 0,
    override_audit: Override = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train one model and save it with everything it needs to predict.

    A FIELD belongs to the model's config, else to the training recipe, else to the reader of the data.
    """
    from bicameral.training.folder import claimed
    from bicameral.training.train import train as run

    given = settings.parse(fields)
    source: Any = data
    if model is None:
        source, model = _recommended(data, given)
    asked = {"size": size, "budget": budget, "seed": seed, **_divide(model, given)}
    name = f"{run_name(data)}-{model}"
    if dry_run:
        cost = run(source, model, folder=runs / name, dry_run=True, **asked)
        said = {name: value for name, value in asked.items() if value not in (None, {})}
        _show(json, {"data": data, "model": model, **(asked if json else said), **cost})
        return
    with resumable("run the same command again to go on"), claimed(runs, name) as folder:
        artifact = run(source, model, folder=folder, override_audit=override_audit, **asked)
    _show(json, {"artifact": folder, **artifact.card})


def run_name(data: str) -> str:
    """What a run on these data is called: their name without endings."""
    from bicameral.data.read.files import bare

    path = Path(data).resolve()
    return path.name if path.is_dir() else bare(path.name)


def _recommended(data: str, given: dict[str, Any]) -> tuple[Any, str]:
    """The data, read, and the model that would be tried first on them, by their layout alone."""
    from bicameral.data.read import read
    from bicameral.probes.recommend import first_choice
    from bicameral.problems.options import split_options
    from bicameral.training.recipe import Recipe

    recipe = {field.name for field in dataclasses.fields(Recipe)}
    task_options, reading = split_options({name: given[name] for name in given if name not in recipe})
    dataset = read(data, **reading)
    return dataset, first_choice(dataset, task_options=task_options)


def _divide(model: str, given: dict[str, Any]) -> dict[str, Any]:
    from bicameral import registry
    from bicameral.training.recipe import Recipe

    entry = registry.entry(model)
    filled_in = {"horizon"} if entry.gives == "forecast" else set()  # by the task, whose option it is
    owners = {
        "overrides": [
            field.name for field in dataclasses.fields(entry.config) if field.name not in filled_in
        ],
        "recipe": [field.name for field in dataclasses.fields(Recipe)],
    }
    return settings.divide(given, owners, rest="data_options")


def _show(json: bool, facts: dict[str, Any]) -> None:
    from bicameral.training.distributed import is_first

    if not is_first():
        return
    if json:
        show_json(facts)
    else:
        width = max(map(len, facts)) + 2
        show_lines(f"{name:<{width}}{value}" for name, value in facts.items())
