"""bicameral generate: continue a text or a piece with a model of its next step."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli.app import ARTIFACT, verb
from bicameral.cli.options import ArtifactFolder, Json, Seed
from bicameral.cli.show import escaped, show_json, show_lines
from bicameral.errors import ConfigError


@verb("generate", panel=ARTIFACT, example='bicameral generate runs/plays-gru --prompt "ROMEO:" --length 500')
def generate(
    artifact: ArtifactFolder,
    prompt: Annotated[str, typer.Option(help="A text; of music, a file: its first piece is gone on with.")],
    length: Annotated[int, typer.Option(help="Characters, words or frames to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 safer, above 1 bolder; 0 takes the likeliest.")
    ] = 1.0,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="File for frames (.npz) or the text.")] = None,
    json: Json = False,
) -> None:
    """Write on from a prompt: text after text, frames after frames."""
    from bicameral.artifact import Artifact

    trained = Artifact.from_pretrained(artifact)
    told = trained.network.layout.kind == "text"
    start = prompt if told or not trained.task.per_step else _first_piece(prompt)
    found = trained.generate(start, length, temperature=temperature, seed=seed)
    if not told and (out is None or out.suffix != ".npz"):
        raise ConfigError(f"frames ({length}, keys) need a file: add --out music.npz")
    _tell_unread(trained.preprocessing, start)
    if out is not None:
        _write(out, found)
    if json:
        show_json({"prompt": prompt, "written": found if told else str(out), "length": length, "seed": seed})
    elif told:
        gap = " " if trained.preprocessing.tokens == "words" else ""
        show_lines(map(escaped, f"{start}{gap}{found}".split("\n")))
    else:
        show_lines([f"{length} frames in {out}"])


def _first_piece(path: str) -> Any:
    from bicameral.data.read import read

    return read(path, answer="next").items[0]


def _tell_unread(preprocessing: Any, start: Any) -> None:
    from bicameral.tasks.generating import unread

    if unknown := unread(preprocessing, start):
        first = ", ".join(escaped(repr(piece)) for piece in unknown[:5])
        typer.echo(f"read as unknown, since training never showed it: {first}", err=True)


def _write(path: Path, found: Any) -> None:
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(found, str):
        path.write_text(found, encoding="utf-8")
    else:
        np.savez_compressed(path, x=found[None].astype(np.float32), lengths=[len(found)])
