"""A race inside a budget: models solved at once first, then the networks that can learn in what is left."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bicameral import registry
from bicameral.data.batches.prepared import Prepared
from bicameral.errors import BicameralError
from bicameral.problems.problem import Draw
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training.affordable import affordable, is_slow
from bicameral.training.budgets import Budget
from bicameral.training.closed_form import out_of_fold
from bicameral.training.contestants import Contestant
from bicameral.training.cost import seconds_per_epoch
from bicameral.training.distributed import best_device
from bicameral.training.folds import folds
from bicameral.training.leading import is_clearly_ahead, merit
from bicameral.training.learn import is_iterated, learn
from bicameral.training.recipe import Recipe, recipe_from_dict
from bicameral.training.runs import Run
from bicameral.training.seeding import seeded

FEW = 1000  # training examples: below, what is solved is judged on every one of them, out of fold
CROWD = 20_000  # windows that count as one epoch where there are more: neighbours are nearly alike
RESERVE = 0.25  # share of the budget, at most, that is kept for solving the leader again on more examples
TRIAL, MOST_TRIALS = 0.15, 3  # share of what is left that a trial of one of several networks gets
FAILURES = (BicameralError, ValueError, RuntimeError, ArithmeticError, MemoryError)

Tell = Callable[[Run], None]


class Race:
    """Contestants on one division of the data; `runs` grows as they finish, `leader` is who is ahead."""

    def __init__(
        self,
        draw: Draw,
        entered: list[Contestant],
        *,
        budget: Budget,
        seed: int,
        recipe: Mapping[str, Any] | None = None,
        few: int = FEW,
        tell: Tell = lambda _: None,
    ):
        kind = draw.preprocessing.layout.kind
        self.entered = [one for one in entered if not draw.task.unfit(registry.entry(one.model), kind)]
        self.draw, self.task, self.few = draw, draw.task, few
        self.budget, self.seed, self.recipe, self.tell = budget, seed, dict(recipe or {}), tell
        self.runs: list[Run] = []
        self.began, self.y = time.perf_counter(), torch.empty(0)

    def left(self) -> float:
        """Seconds of the budget that are left; infinite where it counts steps."""
        if self.budget.seconds is None:
            return np.inf
        return self.budget.seconds - (time.perf_counter() - self.began)

    def run(self) -> Run:
        """Let everybody run; return the leader."""
        for contestant in self.entered:
            if contestant.way != "trained":
                self._solve(contestant)
        if networks := self._able():
            self._train(networks)
        return self.leader

    @property
    def finished(self) -> list[Run]:
        """Those that answered."""
        return [run for run in self.runs if run.output is not None]

    @property
    def leader(self) -> Run:
        """The best by validation; a network leads only by more than the noise of the difference.

        What is solved is refitted on the validation part too, and cannot have been chosen by it.
        """
        solved = [run for run in self.finished if run.solved]
        trained = [run for run in self.finished if not run.solved]
        pooled = all(run.pooled for run in solved)
        best = max(solved, key=lambda run: (run.pooled if pooled else None) or run.merit, default=None)
        network = max(trained, key=lambda run: run.merit, default=None)
        if best is None or network is None:
            found = best or network
            assert found is not None, "nobody answered"
            return found
        assert network.output is not None
        assert best.output is not None
        ahead = is_clearly_ahead(self.task, network.output, best.output, self.y)
        return network if ahead else best

    @property
    def yardstick(self) -> Run:
        """The best of those that anybody could have answered with."""
        trivial = [run for run in self.finished if run.contestant.way == "trivial"]
        return max(trivial or self.finished, key=lambda run: run.merit)

    def forecast(self) -> list[Run]:
        """What the budget will hold, measured and without training: notes only."""
        solved = [Run(contestant=one, note="solved at once") for one in self.entered if one.way != "trained"]
        return solved + [self._planned(one) for one in self.entered if one.way == "trained"]

    def _solve(self, contestant: Contestant) -> None:
        run = Run(contestant=contestant)
        with self._running(run):
            network = self.build(contestant)
            train = affordable(
                network, self.draw.train, self.budget, self.left(), self.seed, contestant.until
            )
            if train is None:
                run.note = "left out: solving it would take too much of the budget"
                return
            if len(train) < len(self.draw.train):
                run.note = f"fitted to {len(train)} of {len(self.draw.train)} examples"
            left_out = self._fit(network, train)
            if is_slow(network, self.draw.val, self.budget, self.left(), contestant.until):
                run.note = "left out: its answers would take too much of the budget"
                return
            self._judge(run, network)
            if left_out is not None and run.output is not None:
                truth = torch.cat([self.draw.train.targets, self.y])
                run.pooled = merit(self.task, torch.cat([left_out, run.output]), truth)

    def _fit(self, network: Network, train: Prepared) -> Tensor | None:
        """Solve the network; answers to the training part, each out of its fold, where examples are few."""
        few = len(train) <= self.few and train is self.draw.train
        if network.entry.closed_form and few and not (self.task.overlapping or self.task.per_step):
            return out_of_fold(network, self.task, train, folds(self.task, train), seed=self.seed)
        learn(network, self.task, train, None, recipe=Recipe(), budget=self.budget, seed=self.seed)
        return None

    def _able(self) -> list[tuple[Contestant, float]]:
        """The networks that can see the data often enough, each with its seconds an epoch."""
        trained = [contestant for contestant in self.entered if contestant.way == "trained"]
        if self.budget.seconds is None:
            return [(contestant, 0.0) for contestant in trained[:1]]
        able = []
        for contestant in trained:
            planned = self._planned(contestant)
            if planned.note:
                self.runs.append(planned)
                self.tell(planned)
            else:
                able.append((contestant, planned.epoch))
        return able[:MOST_TRIALS]

    def _planned(self, contestant: Contestant) -> Run:
        """Measure a network: seconds an epoch, and a note where it cannot see the data often enough."""
        run, least = Run(contestant=contestant), contestant.epochs[0]
        try:
            network = self.build(contestant)
            if is_iterated(network) and self.budget.seconds is not None:
                recipe, train = self.recipe_of(contestant), self.draw.train
                share = min(1.0, CROWD / len(train)) if self.task.overlapping else 1.0
                run.epoch = share * seconds_per_epoch(network, self.task, train, recipe, at_least=0.2)
                epochs = self.left() / run.epoch
                if epochs < least:
                    fit = f"{epochs:.1f} epochs fit, it needs {least:g}"
                    run.note = f"left out: {fit if epochs > 0 else 'no time is left'}"
        except FAILURES as error:
            run.note = f"out: {_sentence(error)}"
        return run

    def _train(self, able: list[tuple[Contestant, float]]) -> None:
        """Give each of several a trial where that is long enough, and the best of them what is left."""
        whole = self._left_to_train()
        tried = [pair for pair in able if TRIAL * whole >= pair[0].epochs[0] * pair[1]]
        if self.budget.seconds is not None and len(tried) > 1:
            trials = [self._learn(*pair, TRIAL * whole, "trial") for pair in tried]
            best = int(np.argmax([trial.merit[0] for trial in trials]))
            if trials[best].history.stopped_by == "budget" and self._is_longer(tried[best], trials[best]):
                self._learn(*tried[best], self._left_to_train(), "")
        else:
            self._learn(*able[0], self._left_to_train(), "")

    def _left_to_train(self) -> float:
        """Seconds that are left, but for solving the leader and one more again."""
        again = [run.seconds for run in self.finished if run.solved and run.network.entry.closed_form]
        reserve = 1.5 * sum(sorted(again)[-2:])
        return self.left() - min(reserve, RESERVE * (self.budget.seconds or 0.0))

    def _is_longer(self, pair: tuple[Contestant, float], trial: Run) -> bool:
        """Whether what is left is much more than the trial had, and the network can use it."""
        enough = pair[0].epochs[1] * pair[1]
        return min(self._left_to_train(), enough) > 1.5 * trial.history.seconds

    def _learn(self, contestant: Contestant, epoch: float, seconds: float, note: str) -> Run:
        run = Run(contestant=contestant, recipe=self.recipe_of(contestant), note=note)
        with self._running(run):
            network = self.build(contestant)
            budget = self.budget
            if budget.seconds is not None:
                budget = Budget(seconds=max(0.05, min(0.95 * seconds, contestant.epochs[1] * epoch)))
            parts = (self.draw.train, self.draw.val)
            settings = {"recipe": run.recipe, "budget": budget, "seed": self.seed}
            run.history = learn(network, self.task, *parts, **settings, progress=contestant.name)
            if run.history.failed:
                run.note = f"out: {run.history.reason}"
            else:
                self._judge(run, network)
        return run

    @contextmanager
    def _running(self, run: Run) -> Iterator[None]:
        """Time a run; one that fails is out, and the race goes on."""
        before = time.perf_counter()
        try:
            yield
        except FAILURES as error:
            run.note, run.output = f"out: {_sentence(error)}", None
        run.seconds = time.perf_counter() - before
        self.runs.append(run)
        self.tell(run)

    def _judge(self, run: Run, network: Network) -> None:
        run.output, y = answer(network, self.draw.val)
        assert y is not None
        self.y, run.network = y, network
        run.merit = merit(self.task, run.output, y)

    def build(self, contestant: Contestant) -> Network:
        """Make the contestant's network anew: the same one every time."""
        with seeded(self.seed):
            layout, overrides = self.draw.preprocessing.layout, contestant.overrides
            network = Network(layout, self.task, contestant.model, overrides)
        return network.to(best_device())

    def recipe_of(self, contestant: Contestant) -> Recipe:
        """What the table says of the network, under what the user says."""
        return recipe_from_dict({"batch_size": 64, **contestant.recipe, **self.recipe})


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
