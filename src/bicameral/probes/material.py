"""What the probes work on: a few thousand prepared examples, made small enough for many short trainings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int, Num
from torch import Tensor
from torch.nn import functional

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset, Kind
from bicameral.nn.masking import last_valid, zero_padding
from bicameral.problems.problem import Problem
from bicameral.tasks import Task

MOST_EXAMPLES, MOST_TRAIN, MOST_JUDGED = 6000, 2400, 800
SIDE = {"image": 32, "clip": 16}  # pixels
STEPS = {"clip": 12, "sound": 48, "text": 32, "series": 64}
SMALL = 1000  # below so many examples every replicate draws its own split


class Sample(NamedTuple):
    """Examples of one part."""

    x: Tensor
    y: Tensor
    lengths: Tensor | None  # (b,) valid steps; None where all are whole
    anchor: Tensor | None  # last known value, from which a forecast starts, whatever is shuffled
    units: Tensor  # (b,) number of the group, block of time or single example that each is of

    def rows(self, rows: Tensor) -> "Sample":
        """Some of the examples."""
        return Sample(*(None if field is None else field[rows] for field in self))  # pyright: ignore[reportArgumentType]  only lengths and anchor are None


@dataclass(frozen=True, kw_only=True)
class Material:
    """A training and a judged part of one question; the sealed test part is never touched."""

    kind: Kind
    task: Task
    train: Sample
    judged: Sample
    vocabulary: int = 0

    @property
    def num_steps(self) -> int:
        """Steps in time; 0 for pictures."""
        return 0 if self.kind == "image" else self.train.x.shape[1]

    @property
    def forecasting(self) -> bool:
        """Whether the future of the input itself is asked for."""
        return bool(self.task.anchors)


def materials(
    dataset: Dataset, *, seed: int, task_options: Mapping[str, Any] | None = None
) -> Callable[[int], Material]:
    """Return the material of each replicate; where there is plenty, all share one split."""
    problem = Problem(dataset, task_options=task_options, seed=seed, most=MOST_EXAMPLES)
    gathered = cache(lambda draw: gather(problem, draw, seed))
    return gathered if len(problem.rest) < SMALL else lambda _replicate: gathered(0)


def gather(problem: Problem, replicate: int, seed: int) -> Material:
    """Split, fit the preprocessing on the training part, shrink what is large."""
    draw = problem.draw(replicate)
    units = torch.from_numpy(problem.units)
    train = sample(draw.train, draw.task, units, MOST_TRAIN, seed)
    judged = sample(draw.judged, draw.task, units, MOST_JUDGED, seed)
    train, judged = _same_time(train, judged)
    layout = draw.train.layout
    return Material(
        kind=layout.kind, task=draw.task, train=train, judged=judged, vocabulary=layout.vocabulary
    )


def sample(prepared: Prepared, task: Task, units: Tensor, most: int, seed: int) -> Sample:
    """Return at most `most` shrunken examples, drawn at random."""
    rows = np.random.default_rng(seed).permutation(len(prepared))[:most]
    batches = [prepared.batch(part) for part in np.array_split(rows, -(-len(rows) // 64))]
    kind = prepared.layout.kind
    parts = [shrink(kind, batch.x, batch.lengths, bool(task.anchors)) for batch in batches]
    width = max(x.shape[1] for x, _ in parts)
    x = torch.cat([_lengthen(x, width) if kind != "image" else x for x, _ in parts])
    sizes = torch.cat([torch.full((len(x),), x.shape[1]) if n is None else n for x, n in parts])
    lengths = None if kind == "image" or bool((sizes == width).all()) else sizes
    y = torch.cat([torch.as_tensor(batch.y) for batch in batches])
    anchor = last_valid(x, lengths)[:, None, list(task.anchors)] if task.anchors else None
    return Sample(x, y, lengths, anchor, units[prepared.index[rows]])


def shrink(
    kind: Kind, x: Num[Tensor, "b ..."], lengths: Int[Tensor, " b"] | None, forecasting: bool
) -> tuple[Tensor, Tensor | None]:
    """Average over space and time until an example is small; texts and look-backs are cut instead."""
    if kind in SIDE:
        x = _smaller(x, SIDE[kind])
    if kind == "image" or x.shape[1] <= STEPS[kind]:
        return (x if kind == "image" or lengths is None else zero_padding(x, lengths)), lengths
    if kind == "text":
        return x[:, : STEPS[kind]], None if lengths is None else lengths.clamp(max=STEPS[kind])
    if forecasting:
        return x[:, -STEPS[kind] :], None
    return _averaged(x, lengths, -(-x.shape[1] // STEPS[kind]))


def _averaged(x: Tensor, lengths: Tensor | None, factor: int) -> tuple[Tensor, Tensor | None]:
    """Mean of each `factor` steps; the last group of a row may be partly padding."""
    x = x if lengths is None else zero_padding(x, lengths)
    x = _lengthen(x, -(-x.shape[1] // factor) * factor)
    return x.unflatten(1, (-1, factor)).mean(2), None if lengths is None else -(-lengths // factor)


def _smaller(x: Num[Tensor, "*batch c h w"], side: int) -> Num[Tensor, "*batch c g v"]:
    scale = min(1.0, side / max(x.shape[-2:]))
    size = max(1, round(scale * x.shape[-2])), max(1, round(scale * x.shape[-1]))
    small = functional.adaptive_avg_pool2d(x.reshape(-1, *x.shape[-3:]), size)
    return small.reshape(*x.shape[:-2], *size)


def _lengthen(x: Tensor, width: int) -> Tensor:
    return torch.cat([x, x.new_zeros(len(x), width - x.shape[1], *x.shape[2:])], 1)


def _same_time(train: Sample, judged: Sample) -> tuple[Sample, Sample]:
    """Give both parts the same number of steps, so that a network of fixed size reads both."""
    if train.x.shape[1:] == judged.x.shape[1:]:
        return train, judged
    width = max(train.x.shape[1], judged.x.shape[1])
    return tuple(_padded(part, width) for part in (train, judged))  # pyright: ignore[reportReturnType]  two in, two out


def _padded(part: Sample, width: int) -> Sample:
    lengths = torch.full((len(part.x),), part.x.shape[1]) if part.lengths is None else part.lengths
    return part._replace(x=_lengthen(part.x, width), lengths=lengths)
