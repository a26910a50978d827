"""What a card says of a training run: how it was trained, how far, and how well."""

import platform
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from bicameral import __version__
from bicameral.training.budgets import Budget
from bicameral.training.history import History
from bicameral.training.recipe import Recipe

FEW_EPOCHS = 5  # of a budget of seconds, below which a network has hardly begun
MOST_POINTS = 40  # of the curve that is kept


def provenance(recipe: Recipe, seed: int, budget: Budget) -> dict[str, Any]:
    """Seed, budget, versions, and the settings that are not the defaults."""
    defaults, given = asdict(Recipe()), asdict(recipe)
    ((unit, amount),) = {name: value for name, value in vars(budget).items() if value is not None}.items()
    return {
        "seed": seed,
        "budget": f"{amount:g} {unit}",
        "recipe": {name: value for name, value in given.items() if value != defaults[name]},
        "versions": {
            "bicameral": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def course(history: History, *, of_seconds: bool = False) -> dict[str, Any]:
    """Steps, seconds, why it ended and a few points of the curve."""
    said = (
        too_short(history.epochs, of_seconds=of_seconds)
        if history.stopped_by == "budget" and history.steps
        else ""
    )
    return {
        "steps": history.steps,
        "epochs": float(f"{history.epochs:.3g}"),
        "seconds": round(history.seconds, 2),
        "stopped by": history.stopped_by or "solved at once",
        **({"too short": said} if said else {}),
        **({"curve": curve(history)} if history.steps else {}),
    }


def curve(history: History) -> dict[str, list[list[float | None]]]:
    """Step and training loss, step and validation score, thinned."""
    return {
        "train loss": [[point.step, _short(point.loss)] for point in _thinned(history.train)],
        "val score": [[point.step, _short(point.score)] for point in _thinned(history.val)],
    }


def too_short(epochs: float, *, of_seconds: bool = False) -> str:
    """Say what is amiss where a network cannot see the data often enough; empty where it can."""
    if epochs < 1:
        return "not every example was seen once; give a longer budget, a smaller size or another model"
    if of_seconds and epochs < FEW_EPOCHS:
        return (
            f"{epochs:.2g} epochs are few; give a longer budget, a smaller size or another model, or leave "
            "the choice to train"
        )
    return ""


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _thinned(points: list) -> list:
    if len(points) <= MOST_POINTS:
        return points
    return [points[place] for place in np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int)]
