"""Which models may be asked: at every step for the next one, and without a head for classes."""

from typing import Any

from bicameral import registry
from bicameral.data.dataset import Kind
from bicameral.errors import ConfigError
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import Entry


def check_causal(entry: Entry, kind: Kind, *, per_step: bool) -> None:
    """Refuse a model that would see what it is asked for, and counts where no next step is asked for."""
    if entry.gives == "next" and not (per_step and _reads(entry, kind)):
        question = "the next step" if per_step else "anything but the next step"
        raise ConfigError(f"{entry.name} cannot answer {question} of {kind} data; leave it out")
    if per_step and not is_causal(entry):
        why = "not causal: asked for the next step it would see it"
        if entry.reads == "frames":
            why = f"for clips, and this is {kind} data"
        raise ConfigError(f"{entry.name} is {why}; choose from {_those_that_are()}")


def check_classes(entry: Entry, kind: Kind, *, classes: bool) -> None:
    """Refuse a model that answers with classes of its own where none are asked for."""
    if entry.gives == "answer" and not (classes and _reads(entry, kind)):
        raise ConfigError(
            f"{entry.name} only tells classes of {' or '.join(_kinds(entry))} data apart; leave it out"
        )


def is_causal(entry: Entry) -> bool:
    """Whether a model says something at every step, from that step and those before it."""
    steps = entry.gives == "next" or (entry.gives == "steps" and not hasattr(entry.cls, "output_lengths"))
    return steps and entry.reads == "sequence" and issubclass(entry.cls, Recurrent)


def expected(entry: Entry, task: Any) -> dict[str, int]:
    """Fields of the config that the task fills in.

    A window of attention is no wider than a segment of training: positions further apart were never learned.
    """
    if entry.answers:
        return {"num_outputs": task.output_shape[0]}
    default = entry.configure({})
    return {"window": min(default.window, task.context)} if hasattr(default, "window") else {}


def _reads(entry: Entry, kind: Kind) -> bool:
    """Counts may be of tokens alone, or of frames alone."""
    return kind in _kinds(entry)


def _kinds(entry: Entry) -> tuple[Kind, ...]:
    return getattr(entry.cls, "kinds", ("text", "series"))


def _those_that_are() -> str:
    return ", ".join(
        entry.name for entry in registry.entries() if is_causal(entry) and entry.gives == "steps"
    )
