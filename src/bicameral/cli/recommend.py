"""bicameral recommend: a ranking before any comparison, each place with its reasons."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from bicameral.cli import fields as settings
from bicameral.cli.app import YOUR_DATA, verb
from bicameral.cli.options import Data, Fields, Json, Seed
from bicameral.cli.show import show_json, show_lines


@verb("recommend", panel=YOUR_DATA, example="bicameral recommend recordings/ --seconds 30")
def recommend(
    data: Data,
    fields: Fields = None,
    seconds: Annotated[float, typer.Option(help="Time for the probes; 0 judges by the layout alone.")] = 60,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Rank the families by what the probes say.

    A guess with reasons; `compare` is what decides.
    """
    from bicameral.data.read import read
    from bicameral.probes import probe
    from bicameral.probes.recommend import recommend as rank
    from bicameral.problems.options import split_options

    task_options, reading = split_options(settings.parse(fields))
    dataset, probes = read(data, **reading), None
    if seconds:
        probes = probe(dataset, seconds=seconds, seed=seed, task_options=task_options)
    ranking = rank(dataset, probes, seed=seed, task_options=task_options)
    if json:
        show_json(ranking)
    else:
        for place in ranking:
            show_lines(_lines(place))


def _lines(place: Mapping[str, Any]) -> Iterator[str]:
    yield f"{place['rank']}. {place['model']} ({place['family']}), confidence {place['confidence']}"
    for reason in place["reasons"]:
        yield f"   {reason['text']} [{reason['source']}]"
