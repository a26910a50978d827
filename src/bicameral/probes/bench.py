"""Many short paired trainings: same steps, same rows, same seed, one thing changed."""

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from bicameral.probes import nets
from bicameral.probes.finding import Effect, interval
from bicameral.probes.material import Material, Sample
from bicameral.probes.nets import Net
from bicameral.probes.shuffles import Change, fixed_steps, fresh_steps, moved, neighbourhood
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
    moved: bool = False  # whether training examples are moved, afresh each time


class Run(NamedTuple):
    """A trained network, what it read, its score in points, and the score of guessing."""

    net: Net
    judged: Sample
    score: float
    guess: float


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

    def scores(self, arm: Arm) -> list[float]:
        """Score of every replicate."""
        return [self.run(arm, replicate).score for replicate in range(self.replicates)]

    def learned(self, arm: Arm) -> bool:
        """Whether the network of an arm does better than guessing."""
        runs = [self.run(arm, replicate) for replicate in range(self.replicates)]
        return interval([run.score - run.guess for run in runs]).low > 0

    def differences(self, arm: Arm, other: Arm) -> list[float]:
        """Paired differences: how much better `arm` is."""
        return [a - b for a, b in zip(self.scores(arm), self.scores(other), strict=True)]

    def beside_untrained(self, arm: Arm, measure: Callable[[Any, Sample], float]) -> tuple[Effect, Effect]:
        """Measure the trained network of every replicate, and an untrained one on the same rows."""
        runs = [self.run(arm, replicate) for replicate in range(self.replicates)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            fresh = [build(arm, self.material) for _ in runs]
        trained = interval([measure(run.net, run.judged) for run in runs])
        return trained, interval([measure(net, run.judged) for net, run in zip(fresh, runs, strict=True)])

    def _run(self, arm: Arm, replicate: int) -> Run:
        seed, material = derive(self.seed, "replicate", replicate), self.materials(replicate)
        train, judged = self._resampled(material, replicate)
        change = self._change(arm)
        if change is not None:
            key = derive(seed, arm.change, arm.again)
            train, judged = (
                changed(part, change, derive(key, at)) for at, part in self._named(arm, train, judged)
            )
        with seeded(derive(seed, arm.again and not arm.change)):
            net = build(arm, material)
            move = partial(moved, kind=material.kind) if arm.moved else None
            fit(net, material, cut(train, arm, material), self.steps, LEARNING_RATE[arm.net], move)
            judged = cut(judged if move is None else judged._replace(x=move(judged.x)), arm, material)
        scores = (
            score(material.task, output, judged) for output in (outputs(net, judged), guess(material, judged))
        )
        return Run(net, judged, *scores)

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

    def _resampled(self, material: Material, replicate: int) -> tuple[Sample, Sample]:
        """Most of the training rows, and a bootstrap of the judged ones; the same for every arm."""
        generator = torch.Generator().manual_seed(derive(self.seed, "rows", replicate))
        train, judged = material.train, material.judged
        kept = torch.randperm(len(train.x), generator=generator)[: max(1, int(KEPT * len(train.x)))]
        drawn = torch.randint(len(judged.x), (len(judged.x),), generator=generator)
        return train.rows(kept), judged.rows(drawn)


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


def fit(
    net: Net,
    material: Material,
    train: Sample,
    steps: int,
    learning_rate: float,
    change: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """AdamW with warm-up and cosine decay, batches drawn with replacement and changed afresh."""
    optimizer = torch.optim.AdamW(net.parameters(), learning_rate)
    factor = schedule("cosine", 0.1)
    cycle = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(min((step + 1) / steps, 1.0)))
    net.train()
    for _ in range(steps):
        batch = train.rows(torch.randint(len(train.x), (min(BATCH, len(train.x)),)))
        x = batch.x if change is None else change(batch.x)
        loss = material.task.loss(net(x, batch.lengths, batch.anchor), batch.y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        cycle.step()
    net.eval()


def score(task: Task, output: Tensor, judged: Sample) -> float:
    """Mean score in points: per cent right, or minus per cent of the variance missed."""
    return 100 * float(task.outcomes(task.statistics(output, judged.y)).mean())


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
