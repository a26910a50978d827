"""One training run: what it trains, where it stands, and how it takes a step."""

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from bicameral.data.augment import Augmentation, for_kind
from bicameral.data.batches.loader import batches
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Batch
from bicameral.tasks.answering import in_order, on
from bicameral.tasks.task import Task
from bicameral.training import compiling
from bicameral.training.averaging import MovingAverage
from bicameral.training.batchnorm import frozen, norms_of, reestimate
from bicameral.training.budgets import Budget
from bicameral.training.clock import Clock
from bicameral.training.distributed import Ranks, replicate, whole
from bicameral.training.history import History, Point, StoppedBy, finite
from bicameral.training.optimizers import build_optimizer
from bicameral.training.recipe import Recipe
from bicameral.training.schedules import schedule
from bicameral.training.seeding import derive, seeded
from bicameral.training.validation import evaluate

LOGS, VALIDATIONS = 200, 40  # points of the two curves, at most
PATIENT = 9  # a validation comes after at least so many times its own cost of training


class Trainer:
    """`steps` trains one batch after another; `finish` leaves the chosen weights in the network."""

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        train: Prepared,
        val: Prepared | None,
        *,
        recipe: Recipe,
        budget: Budget,
        seed: int,
        ranks: Ranks,
    ):
        self.network, self.task, self.train, self.val = network, task, train, val
        self.recipe, self.budget, self.seed, self.ranks = recipe, budget, seed, ranks
        self.device = next(network.parameters()).device
        model, self.owner = replicate(network, ranks, recipe.parallel)
        self.model: Callable[..., Tensor] = model
        self.tensors = tensors_of(self.owner)
        self.parameters = [parameter for parameter in self.owner.parameters() if parameter.requires_grad]
        self.norms = norms_of(self.owner)
        self.optimizer = build_optimizer(self.owner, recipe)
        self.average = None if recipe.ema is None else MovingAverage(self.tensors, recipe.ema)
        self.best: dict[str, Tensor] = {}
        self.factor = schedule(recipe.schedule, recipe.warmup)
        self.class_weights = _class_weights(recipe, train, task, self.device)
        self.augment = _augmentation(recipe, train, task)
        self.generator = torch.Generator(self.device).manual_seed(derive(seed, "augment", ranks.rank))
        half = recipe.precision == "bf16"
        self.precision = torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()
        self.steps_per_epoch = math.ceil(len(train) / recipe.batch_size)
        self.total = budget.total(self.steps_per_epoch)
        self.loss_sum = torch.zeros((), device=self.device)  # since the last point of the curve
        self.history, self.clock = History(world=ranks.world), Clock()
        self.quickest = math.inf  # seconds of a step; the first step of all warms caches

    @property
    def amount(self) -> float:
        """What is spent of the budget, in its unit."""
        return float(self.history.steps) if self.budget.seconds is None else self.history.seconds

    def prepare(self) -> None:
        """Compile where it pays and start the clock."""
        self.owner.train()
        self.clock = Clock(self.history.seconds)
        if compiling.pays(self.recipe, self.budget, self.owner, self.device) and not self.history.stopped_by:
            with self.clock.aside() as cost, seeded(self.seed):
                self.model = compiling.compiled(self.owner, self._loss, self.train, self.recipe.batch_size)
            self.history.compiled = True
            self.history.compile_seconds += cost[0]

    def steps(self) -> Iterator[None]:
        """Train until something ends the run, pausing after every step."""
        history = self.history
        while not history.stopped_by:
            for batch, waited in self.clock.waiting(self._epoch()):
                history.data_seconds += waited
                self._learn(batch)
                self._review()
                yield
                if history.stopped_by:
                    break

    def stop(self, reason: StoppedBy = "callback") -> None:
        """End the run after this step."""
        self.history.stopped_by = self.history.stopped_by or reason

    def finish(self) -> History:
        """Leave the best weights in the network, or the last where none were judged, for evaluation."""
        if self.val is None and self.recipe.fresh_batchnorm:
            self._freshen()
        chosen = self.best if self.best and self.recipe.restore_best else self._latest()
        with torch.no_grad():
            for name, tensor in tensors_of(self.network).items():
                tensor.copy_(whole(chosen[name]))
        self.network.eval()
        return self.history

    def release(self) -> None:
        """Let go of the wrapper that talks to the other ranks, while they still listen.

        Freed after the process group is destroyed, it joins the group's thread while holding the lock of the
        interpreter that this thread waits for, and the process never ends.
        """
        self.model = self.network
        if self.ranks.world > 1:
            gc.collect()  # the wrapper stands in circles of references

    def _epoch(self) -> Iterator[Batch]:
        epoch, start = divmod(self.history.steps, self.steps_per_epoch)
        return batches(
            self.train,
            self.recipe.batch_size,
            seed=derive(self.seed, "order"),
            epoch=epoch,
            start=start,
            rank=self.ranks.rank,
            world=self.ranks.world,
        )

    def _learn(self, batch: Batch) -> None:
        lone = self.norms and len(batch.index) == 1  # one example has no batch statistics
        with frozen(self.norms) if lone else nullcontext():
            loss = self._loss(self.model, batch, self.augment)
        loss.backward()
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        rate = self.recipe.learning_rate * self.factor(self._progress())
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.loss_sum += loss.detach()
        self.history.steps += 1
        if self.average is not None:
            self.average.update(self.history.steps)

    def _progress(self) -> float:
        # The middle of a step: neither the first nor the last is lost to a rate of zero.
        spent = self.amount + (0.5 if self.budget.seconds is None else 0.0)
        return spent / max(spent, self.total - self._reserve()) if spent else 0.0

    def _loss(
        self, model: Callable[..., Tensor], batch: Batch, augment: Augmentation | None = None
    ) -> Tensor:
        x, lengths = on(self.device, batch)
        assert batch.y is not None
        y = batch.y.to(self.device, non_blocking=True)
        if augment is not None:
            x = augment(x, lengths, self.generator)
        with self.precision:
            output = model(x, lengths)
        if output.dtype is torch.bfloat16:
            output = output.float()
        loss = self.task.loss(output, y, smoothing=self.recipe.smoothing, class_weights=self.class_weights)
        if self.ranks.world > 1:
            loss = loss * self.ranks.factor(self.task.loss_weight(y, self.class_weights), int(batch.index[0]))
        return loss

    def _review(self) -> None:
        """Draw the curves, judge the weights and see whether the run is over."""
        history, before = self.history, self.history.seconds
        history.seconds = self.ranks.from_first(self.clock.seconds())[0]
        self.quickest = min(self.quickest, history.seconds - before)
        over = self._is_over()
        if over or self._since(history.train) >= self.total / LOGS:
            self._log()
        due = self._chooses() if over else self._validation_due()
        if self.val is not None and not history.stopped_by and due:
            self._validate(self.val)
            over = over or self._is_over()
        if over and not history.stopped_by:
            history.stopped_by = "budget"
        history.epochs = history.steps / self.steps_per_epoch

    def _since(self, curve: list[Point]) -> float:
        """What was spent of the budget since the last point of a curve."""
        if not curve:
            return self.amount
        return self.amount - (curve[-1].step if self.budget.seconds is None else curve[-1].seconds)

    def _log(self) -> None:
        history = self.history
        count = history.steps - (history.train[-1].step if history.train else 0)
        loss = self.ranks.total(self.loss_sum.item()) / count / self.ranks.world
        self.loss_sum.zero_()
        history.train.append(Point(history.steps, history.seconds, finite(loss)))
        if not math.isfinite(loss):
            history.stopped_by = "diverged"
            history.reason = (
                f"the training loss became {loss} within the {count} steps before step {history.steps} "
                f"at learning_rate={self.recipe.learning_rate:g}; lower it, or set clip"
            )

    def _is_over(self) -> bool:
        """Whether another step would not fit into the budget, beside the last validation."""
        ahead = 0.0 if self.budget.seconds is None or self.history.steps == 1 else self.quickest
        return self.amount >= self.total or self.amount + ahead + self._reserve() > self.total

    def _reserve(self) -> float:
        """Seconds of the budget that are kept for the last validation."""
        return self._validation_cost() if self.budget.seconds is not None and self._chooses() else 0.0

    def _chooses(self) -> bool:
        """Whether a last validation is worth its cost; the only one of a short run has nothing to choose."""
        affordable = (1 + PATIENT) * self._validation_cost() <= self.total
        return self.budget.seconds is None or bool(self.history.val) or affordable

    def _validation_due(self) -> bool:
        apart = max(self.total / VALIDATIONS, PATIENT * self._validation_cost())
        return self._since(self.history.val) >= apart

    def _validation_cost(self) -> float:
        """What a validation costs, in the unit of the budget, foreseen where none was made."""
        if self.val is None:
            return 0.0
        # Judging a row costs about a third of training on it. In steps it stays at that, for exact resuming.
        steps = len(self.val) / 3 / self.recipe.batch_size
        if self.budget.seconds is None:
            return steps
        spent, times = self.history.validation_seconds, len(self.history.val)
        return spent / times if times else steps * self.quickest

    def _validate(self, val: Prepared) -> None:
        history, before = self.history, self.clock.seconds()
        with nullcontext() if self.average is None else self.average.applied():
            if self.recipe.fresh_batchnorm:
                self._freshen()
            with self.precision:
                loss, score = self.ranks.from_first(*evaluate(self.owner, self.task, val))
            point = Point(history.steps, history.seconds, finite(loss), finite(score))
            if point.score is not None and all(point.merit > other.merit for other in history.val):
                history.best_step, history.best_score = point.step, point.score
                self.best = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}
        history.val.append(point)
        history.seconds = self.ranks.from_first(self.clock.seconds())[0]
        history.validation_seconds += history.seconds - before

    def _freshen(self) -> None:
        if self.norms:
            reestimate(self.owner, (on(self.device, batch) for batch in in_order(self.train)))

    def _latest(self) -> dict[str, Tensor]:
        return self.tensors if self.average is None else {**self.tensors, **self.average.mean}


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name, once."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _class_weights(recipe: Recipe, train: Prepared, task: Task, device: torch.device) -> Tensor | None:
    labelled = isinstance(train.targets, Tensor) and recipe.class_weights == "balanced"
    weights = task.class_weights(train.targets) if labelled else None
    return None if weights is None else weights.to(device)


def _augmentation(recipe: Recipe, train: Prepared, task: Task) -> Augmentation | None:
    if recipe.augment is False:
        return None
    return for_kind(train.layout.kind, None if recipe.augment is True else recipe.augment, task.augmentations)
