"""bicameral predict: the answers of an artifact, one a line."""

from collections.abc import Mapping
from typing import Any

from bicameral.cli import fields as settings
from bicameral.cli.app import ARTIFACT, verb
from bicameral.cli.options import ArtifactFolder, Data, Fields, Json
from bicameral.cli.show import show_json, show_lines


@verb("predict", panel=ARTIFACT, example="bicameral predict runs/digits/best new-pictures/ --json")
def predict(artifact: ArtifactFolder, data: Data, fields: Fields = None, json: Json = False) -> None:
    """Answer for every example of the data, in its order."""
    from bicameral.artifact import Artifact
    from bicameral.data.read import read

    answers = Artifact.from_pretrained(artifact).predict(read(data, **settings.parse(fields)))
    if json:
        show_json(answers)
    else:
        show_lines("\t".join(_cells(answer)) for answer in answers)


def _cells(answer: Mapping[str, Any]) -> list[str]:
    return [_cell(value) for name, value in answer.items() if name != "probabilities"]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_cell(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
