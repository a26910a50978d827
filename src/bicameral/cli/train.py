"""bicameral train: one model on your data, saved with everything it needs to predict."""

import dataclasses
from collections.abc import Iterator
from contextlib import nullcontext
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
        str | None, typer.Option(help="A name from `bicameral models`; by default all that suit race.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="A size of the model; its default if not given.")] = None,
    budget: Annotated[str, typer.Option(help="90s, 10min, 400steps or 12epochs.")] = "60s",
    blend: Annotated[
        bool, typer.Option(help="Without --model: several may answer as one, where that is clearly better.")
    ] = True,
    validate: Annotated[
        bool, typer.Option(help="With --model: keep part of the training part back to choose weights by.")
    ] = True,
    runs: Runs = Path("runs"),
    seed: Seed = 0,
    override_audit: Override = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train the best model for the data that fits the budget, or the one that is named, and save it.

    Without --model those that suit the data race: models solved at once first, then networks that can learn
    in the time that is left. A first answer stands after seconds, and Ctrl-C keeps the best so far.

    A FIELD belongs to the model's config, else to the training recipe, else to the reader of the data.
    """
    from bicameral.training.folder import claimed
    from bicameral.training.train import train as run

    override, fields = settings.overriding(override_audit, fields)
    given = settings.parse(fields)
    asked = {"size": size, "budget": budget, "seed": seed, "blend": blend, "validate": validate}
    asked |= _divide(model, given)
    name = f"{run_name(data)}-{(model or 'best').rpartition(':')[2]}"
    if dry_run:
        cost = run(data, model, folder=runs / name, dry_run=True, **asked)
        said = {name: value for name, value in asked.items() if value not in (None, {}, True)}
        _show(json, {"data": data, "model": model or "a race", **(asked if json else said), **cost})
        return
    hint = resumable("run the same command again to go on") if model else nullcontext()
    with hint, claimed(runs, name) as folder:
        artifact = run(data, model, folder=folder, override_audit=override, **asked)
    _show(json, {"artifact": folder, **artifact.card})


def run_name(data: str) -> str:
    """What a run on these data is called: their name without endings."""
    from bicameral.data.read.files import bare

    path = Path(data).resolve()
    return path.name if path.is_dir() else bare(path.name)


def _divide(model: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Give each field to the model's config, the recipe, or the reader of the data."""
    from bicameral.training.recipe import Recipe

    owners = {
        "overrides": _config_fields(model),
        "recipe": [field.name for field in dataclasses.fields(Recipe)],
    }
    return settings.divide(given, owners, rest="data_options")


def _config_fields(model: str | None) -> list[str]:
    if model is None or ":" in model:  # one's own network takes none
        return []
    from bicameral import registry

    entry = registry.entry(model)
    filled_in = {"horizon"} if entry.gives == "forecast" else set()  # by the task, whose option it is
    return [field.name for field in dataclasses.fields(entry.config) if field.name not in filled_in]


def _show(json: bool, facts: dict[str, Any]) -> None:
    from bicameral.training.distributed import is_first

    if not is_first():
        return
    if json:
        show_json(facts)
    else:
        told = {name: value for name, value in facts.items() if name not in ("curve", "versions")}
        width = max(map(len, told)) + 2
        show_lines(line for name, value in told.items() for line in _lines(name, value, width))


def _lines(name: str, value: Any, width: int) -> Iterator[str]:
    """One fact in a line; a table in a line for each of its rows."""
    if not isinstance(value, list):
        yield f"{name:<{width}}{value}"
        return
    for place, row in enumerate(value):
        cells = ", ".join(f"{key} {cell}" for key, cell in row.items())
        yield f"{name if place == 0 else '':<{width}}{cells}"
