"""bicameral stream: answers while the data still come in through standard input."""

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli.app import ARTIFACT, verb
from bicameral.cli.options import ArtifactFolder, Json
from bicameral.cli.predict import cells
from bicameral.cli.show import escaped, plain, show_lines
from bicameral.errors import DataError

Every = Annotated[
    int, typer.Option(min=1, help="Answer after so many frames: rows, tokens, hops of a sound.")
]
Columns = Annotated[
    str | None, typer.Option(help="Names, or numbers from 1, of the columns to read, separated by commas.")
]
State = Annotated[
    Path | None, typer.Option(help="Go on from this file where it exists; write it at the end.")
]
Skip = Annotated[bool, typer.Option("--skip-bad-lines", help="Name a line that cannot be read, and go on.")]


@verb(
    "stream",
    panel=ARTIFACT,
    example="bicameral stream runs/sensor-gru --every 10 --state sensor.state < sensor.csv",
)
def stream(
    artifact: ArtifactFolder,
    every: Every = 1,
    columns: Columns = None,
    state: State = None,
    skip: Skip = False,
    json: Json = False,
) -> None:
    """Answer what comes in on standard input, one line an answer, as soon as it can be given.

    Series come as lines of CSV or JSON, texts as lines, sounds as WAV or mono 16-bit little-endian samples.
    """
    from bicameral.artifact import Artifact
    from bicameral.streaming.incoming import incoming

    running = Artifact.from_pretrained(artifact).stream()
    if state is not None and state.exists():
        running.load(state)
    names = [name.strip() for name in columns.split(",")] if columns else []
    with _kept(running, state):
        parts, parse = incoming(sys.stdin.buffer, running.preprocessing, names)
        for frames, answer in _answers(running, _fed(running, parts, parse, skip), every):
            show_lines([_line(frames, answer, json)])


def _fed(running: Any, parts: Any, parse: Any, skip: bool) -> Iterator[None]:
    """Feed part after part; a bad one is named by its number and ends it all, or is left out."""
    for number, part in enumerate(parts, start=1):
        try:
            piece = parse(part)
            if piece is not None:
                running.feed(piece)
        except DataError as error:
            if not skip:
                raise DataError(f"line {number}: {error}") from error
            typer.echo(f"left out line {number}: {escaped(error)}", err=True)
            continue
        yield


def _answers(running: Any, fed: Iterator[None], every: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """An answer whenever `every` more frames are in, and one to all of it at the end."""
    said, is_behind = running.frames[0], False
    for _ in fed:
        frames, is_behind = running.frames[0], True
        if frames // every > said // every:
            said, is_behind = frames, False
            yield from ((frames, answer) for answer in running.answer())
    if is_behind:
        yield from ((running.frames[0], answer) for answer in running.answer())


def _line(frames: int, answer: Mapping[str, Any], as_json: bool) -> str:
    if not as_json:
        return "\t".join([str(frames), *cells(answer)])
    import json

    return json.dumps(plain({"step": frames, **answer}), ensure_ascii=False, allow_nan=False)


@contextmanager
def _kept(running: Any, state: Path | None) -> Iterator[None]:
    """Write the state however the stream ends: at the end of the input, by Ctrl-C, SIGTERM or a mistake."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if state is not None:
            running.save(state)
