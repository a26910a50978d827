"""The application, and the guard that turns what a user can mend into one clear line."""

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from bicameral import __version__
from bicameral.cli.show import escaped
from bicameral.errors import BicameralError

FAILED, MISTAKE, BUG, INTERRUPTED, NO_READER = 1, 2, 70, 130, 141  # exit codes; a failed check is no mistake
TRACEBACK = "BICAMERAL_TRACEBACK"  # set: a bug shows where it is

YOUR_DATA, ARTIFACT, STUDY = "Your data", "A trained artifact", "A study"
INSTALLATION = "This installation"

app = typer.Typer(
    name="bicameral",
    help="Which architecture does my data reward? Convolution, recurrence, hybrid or attention, "
    "answered on your own data.",
    epilog="Start with: bicameral demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"bicameral {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Understand what stands before any verb."""


def verb(name: str, *, panel: str, example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command that never shows a traceback for what a user can mend."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @app.command(name, epilog=f"Example: {example}", rich_help_panel=panel)
        @functools.wraps(function)
        def guarded(**arguments: Any) -> None:
            with guard():
                function(**arguments)

        return guarded

    return register


@contextmanager
def guard() -> Iterator[None]:
    """Turn mistakes, unreadable files and Ctrl-C into a line on standard error and an exit code."""
    try:
        yield
    except BicameralError as error:
        _stop(MISTAKE, f"error: {escaped(error)}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the flush at exit complains
        raise typer.Exit(NO_READER) from None
    except OSError as error:
        _stop(MISTAKE, f"error: {escaped(_sentence(error))}")
    except KeyboardInterrupt as stop:
        _stop(INTERRUPTED, f"stopped; {stop}" if str(stop) else "stopped")
    except MemoryError:
        _stop(
            MISTAKE,
            "error: out of memory; give fewer or smaller examples, a smaller size, or a machine with more",
        )
    except RecursionError:
        _stop(MISTAKE, "error: something in the input is nested too deeply to be read; flatten it")
    except typer.Exit:
        raise
    except Exception as error:
        if isinstance(error, TyperException) or TRACEBACK in os.environ:
            raise
        _stop(BUG, f"error: {escaped(_confession(error))}")


@contextmanager
def resumable(hint: str) -> Iterator[None]:
    """Say how to go on when the user stops the work inside the block."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(hint) from None


def _stop(code: int, message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code) from None


def _confession(error: Exception) -> str:
    """What a mistake of ours was, and where: the last line of this package that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "bicameral" in frame.filename]
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:400]
    return (
        f"this is a bug in bicameral {__version__}, not a mistake of yours: {what}{place}; please report it "
        f"with the command and what {TRACEBACK}=1 shows"
    )


def _sentence(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename:
        return f"{error.filename}: {reason}"
    return f"{reason}, as a file was read or written; is there space left?" if error.errno else reason
