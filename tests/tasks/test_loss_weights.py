"""The mean loss of a batch is the mean of its shares' losses, each counted by its weight."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from bicameral.tasks import Classify, Forecast, MultiLabel, NextFrames, NextNotes, NextToken, Regress, Task

ROWS, NAN = 6, float("nan")


@dataclass(frozen=True)
class Case:
    """A task, the truth of a few rows of which some ask for less than others, and weights of its classes."""

    task: Task
    y: Tensor
    class_weights: Tensor | None = None


def cases() -> list[Case]:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    classes, tokens = torch.tensor([0, 1, 2, 2, 0, 0]), torch.randint(1, 5, (ROWS, 4), generator=generator)
    tokens[1, 2:], tokens[4, 1:] = 0, 0
    notes, frames = (drawn(ROWS, 4, 3) > 0).float(), drawn(ROWS, 2, 1, 3, 3)
    notes[2, 1:], frames[5, :, :, 1] = NAN, NAN
    three, two = ("a", "b", "c"), ("a", "b")
    presences = torch.tensor([[1, 0], [0, 0], [1, 1], [1, 1], [0, 1], [0, 0]], dtype=torch.uint8)
    standard: dict[str, Any] = {"mean": (1.0,), "deviation": (2.0,)}
    forecast = {"lookback": 5, "horizon": 4, "columns": ("load",), "channels": (0,), **standard}
    clip = {"lookback": 2, "horizon": 2, "frame": (1, 3, 3), "low": -9.0, "high": 9.0, "bounded": False}
    return [
        Case(Classify(classes=three), classes),
        Case(Classify(classes=three), classes, torch.tensor([0.5, 2.0, 1.0])),
        Case(MultiLabel(classes=two), presences, torch.tensor([2.0, 0.5])),
        Case(Regress(columns=("price",), **standard), drawn(ROWS)),
        Case(Forecast(**forecast), drawn(ROWS, 4, 1)),
        Case(NextToken(num_tokens=5, context=4, unit="words"), tokens),
        Case(NextNotes(keys=three, context=4), notes),
        Case(NextFrames(**clip, **standard, threshold=0.0), frames),
    ]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.task.name)
@pytest.mark.parametrize("end", [1, 3])
def test_shares_make_the_whole(case, end):
    task, y = case.task, case.y
    steps = y.shape[1:2] if task.per_step else ()
    output = torch.randn(ROWS, *steps, *task.output_shape, generator=torch.Generator().manual_seed(1))

    def loss(rows: slice) -> float:
        return task.loss(output[rows], y[rows], class_weights=case.class_weights).item()

    parts = [slice(0, end), slice(end, ROWS)]
    weights = [task.loss_weight(y[rows], case.class_weights) for rows in parts]
    mean = sum(weight * loss(rows) for weight, rows in zip(weights, parts, strict=True)) / sum(weights)
    assert mean == pytest.approx(loss(slice(ROWS)), rel=1e-5)
