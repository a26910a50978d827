"""Many short paired trainings: same steps, same rows, same seed, one thing changed."""

import math
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bicameral.inference.cells import Cells, columns, summed
from bicameral.inference.crossed import estimate
from bicameral.probes import nets
from bicameral.probes.finding import Effect, interval
from bicameral.probes.material import Material, Sample
from bicameral.probes.nets import Net
from bicameral.probes.shuffles import Change, fixed_steps, fresh_steps, neighbourhood
from bicameral.tasks import Task
from bicameral.training.schedules import schedule
from bicameral.training.seeding import derive, seeded

BATCH = 32
LEARNING_RATE = {"cnn": 4e-3, "mlp": 4e-3, "gru": 1e-2, "bag": 1e-2, "window": 4e-3}  # trainings are short
KEPT = 0.8  # share of the training part each replicate draws
FEWEST_STEPS, GOOD_STEPS, ENOUGH_STEPS = 30, 150, 300
FEWEST, MOST = 3, 8  # replicates


class Arm(NamedTuple):
    """One thing to train. `again` draws another permutation, or other weights where nothing is permuted."""

    net: Literal["cnn", "mlp", "gru", "bag", "window"]
    change: Literal["", "neighbours", "fixed", "fresh"] = ""
    again: bool = False
    context: int | None = None  # steps that a window sees together


class Run(NamedTuple):
    """A trained network, what it was judged on, and what each example of it got, in points."""

    net: Net
    judged: Sample
    scores: np.ndarray
    guesses: np.ndarray  # what guessing got


class Bench:
    """Trains arms of replicates, each once."""

    def __init__(self, materials: Callable[[int], Material], *, steps: int, seed: int):
        self.materials, self.material, self.steps, self.seed = materials, materials(0), steps, seed
        self.replicates = 0
        self.run = cache(self._run)

    def replicate(self, arms: Sequence[Arm]) -> None:
        """Train every arm once more."""
        for arm in arms:
            self.run(arm, self.replicates)
        self.replicates += 1

    def runs(self, arm: Arm) -> list[Run]:
        """Every replicate of an arm."""
        return [self.run(arm, replicate) for replicate in range(self.replicates)]

    def learned(self, arm: Arm) -> bool:
        """Whether the network of an arm does better than guessing."""
        runs = self.runs(arm)
        return crossed([run.judged for run in runs], [run.scores - run.guesses for run in runs]).low > 0

    def cost(self, arm: Arm, other: Arm) -> Effect:
        """How many points better `arm` is, on the same examples."""
        runs, others = self.runs(arm), self.runs(other)
        differences = [one.scores - two.scores for one, two in zip(runs, others, strict=True)]
        return crossed([run.judged for run in runs], differences)

    def null(self, arm: Arm, other: Arm) -> Effect:
        """The same where nothing but chance tells the two apart: centred on zero."""
        found = self.cost(arm, other)
        half = math.hypot((found.high - found.low) / 2, found.effect)
        return Effect(0.0, -half, half)

    def beside_untrained(self, arm: Arm, measure: Callable[[Any, Sample], float]) -> tuple[Effect, Effect]:
        """Measure the trained network of every replicate, and an untrained one on the same rows."""
        runs = self.runs(arm)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            fresh = [build(arm, self.material) for _ in runs]
        trained = interval([measure(run.net, run.judged) for run in runs])
        return trained, interval([measure(net, run.judged) for net, run in zip(fresh, runs, strict=True)])

    def _run(self, arm: Arm, replicate: int) -> Run:
        seed, material = derive(self.seed, "replicate", replicate), self.materials(replicate)
        train, judged = self.parts(replicate)
        change = self._change(arm)
        if change is not None:
            key = derive(seed, arm.change, arm.again)
            train, judged = (
                changed(part, change, derive(key, at)) for at, part in self._named(arm, train, judged)
            )
        with seeded(derive(seed, arm.again and not arm.change)):
            net = build(arm, material)
            fit(net, material, cut(train, arm, material), self.steps, LEARNING_RATE[arm.net])
        judged = cut(judged, arm, material)
        answers = outputs(net, judged), guess(material, judged)
        return Run(net, judged, *(scores(material.task, output, judged) for output in answers))

    def _named(self, arm: Arm, train: Sample, judged: Sample) -> list[tuple[str, Sample]]:
        """A fixed permutation is the same for both parts; fresh ones have streams of their own."""
        return [("fixed" if arm.change != "fresh" else part, sample) for part, sample in
                (("train", train), ("judged", judged))]  # fmt: skip

    def _change(self, arm: Arm) -> Change | None:
        changes: dict[str, Change] = {
            "neighbours": neighbourhood(self.material.kind),
            "fixed": fixed_steps,
            "fresh": fresh_steps,
        }
        return changes.get(arm.change)

    def parts(self, replicate: int) -> tuple[Sample, Sample]:
        """Most of the training rows, and all of the judged ones; the same for every arm."""
        generator, material = torch.Generator(), self.materials(replicate)
        generator.manual_seed(derive(self.seed, "rows", replicate))
        train, judged = material.train, material.judged
        kept = torch.randperm(len(train.x), generator=generator)[: max(1, int(KEPT * len(train.x)))]
        return train.rows(kept), judged


def build(arm: Arm, material: Material) -> Net:
    """The network of an arm, freshly initialised."""
    return nets.build(arm.net, material, arm.context)


def cut(part: Sample, arm: Arm, material: Material) -> Sample:
    """A forecaster with a short context sees the last steps only."""
    if arm.context is None or not material.forecasting:
        return part
    return part._replace(x=part.x[:, -arm.context :])


def changed(part: Sample, change: Change, seed: int) -> Sample:
    """A part whose inputs are shuffled."""
    return part._replace(x=change(part.x, part.lengths, torch.Generator().manual_seed(seed)))


def fit(net: Net, material: Material, train: Sample, steps: int, learning_rate: float) -> None:
    """AdamW with warm-up and cosine decay, batches drawn with replacement."""
    optimizer = torch.optim.AdamW(net.parameters(), learning_rate)
    factor = schedule("cosine", 0.1)
    cycle = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(min((step + 1) / steps, 1.0)))
    net.train()
    for _ in range(steps):
        batch = train.rows(torch.randint(len(train.x), (min(BATCH, len(train.x)),)))
        loss = material.task.loss(net(batch.x, batch.lengths, batch.anchor), batch.y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        cycle.step()
    net.eval()


def scores(task: Task, output: Tensor, judged: Sample) -> np.ndarray:
    """Points of each example: 100 where it is right, or minus per cent of the variance missed."""
    return 100 * np.asarray(task.outcomes(task.statistics(output, judged.y)), float)


def crossed(parts: Sequence[Sample], values: Sequence[np.ndarray]) -> Effect:
    """Mean of what examples got in several replicates, with its 95 % interval: examples and fits crossed."""
    column = columns([part.units.numpy() for part in parts])
    width = max(int(one.max()) for one in column) + 1
    sums = np.array([summed(one, width, value) for one, value in zip(column, values, strict=True)])
    weights = np.array([summed(one, width) for one in column])
    reach = float(max(np.abs(value).max() for value in values))
    found = estimate(Cells(sums, weights, int((weights.sum(0) > 0).sum()), reach))
    return Effect(found.mean, *found.interval())


def guess(material: Material, judged: Sample) -> Tensor:
    """What one answers who looks at nothing but the training targets, or at the last value."""
    shape, y = (len(judged.y), *material.task.output_shape), material.train.y
    if judged.anchor is not None:
        return judged.anchor.reshape(judged.anchor.shape + (1,) * (len(shape) - 3)).expand(shape)
    return material.task.guess(y).expand(shape)


@torch.no_grad()
def outputs(net: Net, part: Sample) -> Tensor:
    """What the network answers."""
    rows = torch.arange(len(part.x)).split(256)
    return torch.cat([net(some.x, some.lengths, some.anchor) for some in map(part.rows, rows)])


def seconds_per_step(arm: Arm, material: Material) -> float:
    """Cost of one training step, measured once."""
    net = build(arm, material)
    train, rate = cut(material.train, arm, material), LEARNING_RATE[arm.net]
    fit(net, material, train, 2, rate)
    started = time.perf_counter()
    fit(net, material, train, 4, rate)
    return (time.perf_counter() - started) / 4


def affordable_steps(cost: float, seconds: float) -> int:
    """Steps of each training, given seconds a step of all arms together; 0 where too few fit."""
    together = int(seconds / cost)
    # five replicates tell far more than three, but not if no network has learned anything by then
    steps = min(ENOUGH_STEPS, max(min(GOOD_STEPS, together // FEWEST), together // 5))
    return steps if steps >= FEWEST_STEPS else 0
