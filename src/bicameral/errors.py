"""Every exception of the package. What a user can mend is a ValueError that says how."""

import difflib
from collections.abc import Iterable

MOST_NAMED = 30  # options that a message lists
ALIKE = 0.8  # from here on a name is a slip of the pen, not the name of something else


class BicameralError(ValueError):
    """Something a user can mend: the message says what was given, what was expected and what to do."""


class DataError(BicameralError):
    """The data cannot be read or cannot answer the question."""


class ConfigError(BicameralError):
    """A setting is unknown, of the wrong type or out of range."""


class ShapeError(BicameralError):
    """Tensors handed to a compiled kernel do not fit each other."""


class UnknownNameError(BicameralError):
    """No model, task or metric of that name is registered."""


class PlugInError(BicameralError):
    """A model or task that another package brings cannot be loaded."""


class ArtifactError(BicameralError):
    """A folder is not a saved artifact, or saving it failed."""


class StudyError(BicameralError):
    """A study cannot run, resume or be verified as asked."""


class MissingExtraError(BicameralError):
    """An optional dependency is needed for this data or this engine."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs {package}; install it with: pip install 'bicameral[{extra}]'")


def nearest(word: str, options: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for a near miss, else the list of what exists, cut where it is long."""
    options = sorted(options)
    close = difflib.get_close_matches(word, options, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    rest = f", ... ({len(options)} in all)" if len(options) > MOST_NAMED else ""
    return f"; choose from {', '.join(options[:MOST_NAMED])}{rest}" if options else ""


def refuse_misspelt(name: str, known: Iterable[str]) -> None:
    """Raise ConfigError for a name that is nearly one of the known, and so meant it."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
    if close:
        raise ConfigError(f"no setting called {name!r}; did you mean {close[0]!r}?")
