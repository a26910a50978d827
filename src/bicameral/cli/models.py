"""bicameral models: every architecture that can be asked for."""

import inspect
from typing import Annotated, Any

import typer

from bicameral.cli.app import INSTALLATION, verb
from bicameral.cli.options import Json
from bicameral.cli.show import escaped, show_json, show_lines, show_table

STATED_SHAPES = {  # one example as each form reads it
    "map": (3, 32, 32),
    "line": (8, 128),
    "volume": (3, 8, 32, 32),
    "sequence": (128, 8),
    "frames": (8, 3, 32, 32),
}
COLUMNS = ("model", "family", "reads", "sizes", "parameters", "paper")


@verb("models", panel=INSTALLATION, example="bicameral models lstm")
def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show the settings of this model only.")
    ] = None,
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/models.md.")] = False,
) -> None:
    """List the architectures, or the settings of one."""
    from bicameral import registry

    if name is not None:
        _show_one(registry.entry(name), json)
        return
    for broken in registry.models.broken():
        typer.echo(f"left out: {escaped(broken.name)}, {escaped(broken.reason)}", err=True)
    rows = [row(entry) for entry in sorted(registry.entries(), key=lambda e: (e.family, e.name))]
    if json:
        show_json(rows)
    elif markdown:
        show_lines(page(rows))
    else:
        show_table(COLUMNS, [[_cell(row[column]) for column in COLUMNS] for row in rows])


def row(entry) -> dict[str, Any]:
    """One line of the table; parameters are those of the default size on the stated shape, without a head."""
    module = entry.build(STATED_SHAPES[entry.reads], entry.configure({}))
    return {
        "model": entry.name,
        "family": entry.family,
        "reads": entry.reads,
        "sizes": list(entry.sizes),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "paper": entry.paper,
        "about": _about(entry.cls),
    }


def page(rows: list[dict[str, Any]]) -> list[str]:
    """The generated page of the documentation."""
    shapes = ", ".join(f"{form} {shape}" for form, shape in STATED_SHAPES.items())
    lines = [
        "# Models",
        "",
        "Written by `make docs` from the registry; a test fails while it is stale. Parameters are those of",
        f"the default config without a head, for one example of the shape {shapes}.",
    ]
    for family in dict.fromkeys(row["family"] for row in rows):
        lines += ["", f"## {family.capitalize()}", "", "| model | reads | sizes | parameters | what it is |"]
        lines += ["|---|---|---|---:|---|"]
        lines += [_markdown(row) for row in rows if row["family"] == family]
    return lines


def _about(cls: type) -> str:
    """The first paragraph of the model's file."""
    paragraph = inspect.getdoc(inspect.getmodule(cls)) or ""
    return " ".join(paragraph.split("\n\n")[0].split())


def _markdown(row: dict[str, Any]) -> str:
    sizes = ", ".join(row["sizes"])
    link = f"[`{row['model']}`]({row['paper']})"
    about = row["about"].replace("|", "&#124;")
    return f"| {link} | {row['reads']} | {sizes} | {row['parameters']:,} | {about} |"


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _show_one(entry, json: bool) -> None:
    import dataclasses

    fields = dataclasses.asdict(entry.configure({}))
    facts = {**row(entry), "settings": fields}
    if json:
        show_json(facts)
        return
    show_lines([f"{entry.name} ({entry.family}): {facts['about']}", entry.paper, ""])
    show_table(("setting", "default"), [(name, repr(value)) for name, value in fields.items()])
