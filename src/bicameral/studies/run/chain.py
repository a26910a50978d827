"""A chain of trials, each asked for when the one before is done."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from bicameral.studies.run.trial import Place, Trial

Record = Mapping[str, Any]
Places = Callable[[Trial], Place]
Chain = Generator[Trial, Record, None]  # gives a trial, is sent its record


def advance(chain: Chain, record: Record | None = None) -> Trial | None:
    """Return the next trial of a chain, None at its end."""
    try:
        return next(chain) if record is None else chain.send(record)
    except StopIteration:
        return None
