"""bicameral eval: the metrics of an artifact on labelled data."""

from bicameral.cli import fields as settings
from bicameral.cli.app import ARTIFACT, verb
from bicameral.cli.options import ArtifactFolder, Data, Fields, Json
from bicameral.cli.show import show_json, show_table


@verb("eval", panel=ARTIFACT, example="bicameral eval runs/digits/best new-pictures/")
def evaluate(artifact: ArtifactFolder, data: Data, fields: Fields = None, json: Json = False) -> None:
    """Score an artifact on labelled data it has not seen."""
    from bicameral.artifact import Artifact
    from bicameral.data.read import read

    metrics = Artifact.from_pretrained(artifact).evaluate(read(data, **settings.parse(fields)))
    if json:
        show_json(metrics)
    else:
        show_table(("metric", "value"), metrics.items())
