"""bicameral predict: the answers of an artifact, one a line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import ARTIFACT, verb
from bicameral.cli.frames import described, write_frames
from bicameral.cli.options import ArtifactFolder, Data, Fields, Json
from bicameral.cli.show import escaped, show_json, show_lines, show_table, tell_left_out
from bicameral.errors import DataError

LABELLED = ("classify", "multilabel", "regress")  # tasks that answer once for a whole example
BEGINNING = 60  # characters of a text that are shown

Out = Annotated[Path | None, typer.Option(help="Where predicted frames go: an .npz or a folder of pictures.")]


@verb("predict", panel=ARTIFACT, example="bicameral predict runs/digits/best new-pictures/ --json")
def predict(
    artifact: ArtifactFolder, data: Data, fields: Fields = None, out: Out = None, json: Json = False
) -> None:
    """Answer for every example of the data, in its order.

    A model of the next step scores each text or piece; `bicameral generate` continues one.
    """
    from bicameral.artifact import Artifact

    trained, given = Artifact.from_pretrained(artifact), settings.parse(fields)
    options = given if given.get("labels") is False else trained.reading | given
    labelled = trained.task.name in LABELLED
    dataset = _examples(data, options, trained.network.layout.kind, labelled=labelled)
    answers = trained.predict(dataset)
    tell_left_out(dataset)
    if trained.task.per_step:
        answers = _begun(answers, dataset)
    if out is not None:
        show_lines([write_frames(answers, out)])
    elif json:
        show_json(answers)
    elif trained.task.per_step:
        show_table(list(answers[0]), (list(answer.values()) for answer in answers))
    else:
        show_lines("\t".join(cells(answer)) for answer in answers)


def _begun(answers: Sequence[Mapping[str, Any]], dataset: Any) -> list[dict[str, Any]]:
    """Set the beginning of each text beside its answer, and name what was too short to have one."""
    items = dict(zip(dataset.ids, dataset.items, strict=True))
    if short := sorted(items.keys() - {answer["id"] for answer in answers}):
        message = f"left out: {len(short)}, the first is {escaped(short[0])}: nothing follows its first step"
        typer.echo(message, err=True)
    texts = {name: item for name, item in items.items() if isinstance(item, str)}
    return [
        {**answer, **({"text": texts[name][:BEGINNING]} if (name := answer["id"]) in texts else {})}
        for answer in answers
    ]


def _examples(source: str, options: Mapping[str, Any], kind: str, *, labelled: bool) -> Any:
    """Read data of the artifact's kind; labels are of no use here, so that it may come without.

    labelled  the artifact answers for whole examples, so that data without targets are no forecast
    """
    from bicameral.data.read import read

    try:
        dataset = read(source, **options)
        if dataset.kind == kind and not (labelled and dataset.targets is None and dataset.target_columns):
            return dataset
        reason = DataError(f"{dataset.name} is {dataset.kind} data; the artifact reads {kind} data")
    except DataError as error:
        reason = error
    try:
        return read(source, **{"labels": False, "kind": kind, **options})
    except DataError:
        raise reason from None


def cells(answer: Mapping[str, Any]) -> list[str]:
    """An answer as the columns of a line."""
    return [_cell(value) for name, value in answer.items() if name != "probabilities"]


def _cell(value: Any) -> str:
    if hasattr(value, "shape"):
        return described(value)
    if isinstance(value, list):
        return " ".join(_cell(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else escaped(value)
