"""bicameral eval: the metrics of an artifact on labelled data."""

from bicameral.cli import fields as settings
from bicameral.cli.app import ARTIFACT, verb
from bicameral.cli.options import ArtifactFolder, Data, Fields, Json
from bicameral.cli.show import show_json, show_table, tell_left_out


@verb("eval", panel=ARTIFACT, example="bicameral eval runs/digits/best new-pictures/")
def evaluate(artifact: ArtifactFolder, data: Data, fields: Fields = None, json: Json = False) -> None:
    """Score an artifact on labelled data it has not seen."""
    from bicameral.artifact import Artifact
    from bicameral.data.read import read

    trained = Artifact.from_pretrained(artifact)
    dataset = read(data, **trained.reading | settings.parse(fields))
    metrics = trained.evaluate(dataset)
    tell_left_out(dataset)
    if json:
        show_json(metrics)
    else:
        show_table(("metric", "value"), metrics.items())
