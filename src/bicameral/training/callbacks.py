"""Hooks into the loop: early stopping, curves for TensorBoard, and whatever a caller writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bicameral.errors import ConfigError
from bicameral.training.history import Point
from bicameral.training.trainer import Trainer


class Callback:
    """What the loop calls, on every rank; each method does nothing unless overridden.

    `trainer` has `network`, `history`, `recipe`, `budget`, `optimizer` and `stop`. Time spent in a callback
    counts as training: keep it short.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Called once, before the first step, or the first after a resume."""

    def on_step(self, trainer: Trainer) -> None:
        """Called after every step of the optimiser."""

    def on_validation(self, trainer: Trainer, point: Point) -> None:
        """Called after every validation, with its loss and score."""

    def on_end(self, trainer: Trainer) -> None:
        """Called once the run is over and the chosen weights are in the network."""


class Callbacks(Callback):
    """Several callbacks, called in order."""

    def __init__(self, each: Sequence[Any]):
        for one in each:
            if not isinstance(one, Callback):
                raise ConfigError(f"{one!r} is no callback; derive it from bicameral.training.Callback")
        self.each, self._validations = list(each), 0

    def on_start(self, trainer: Trainer) -> None:
        self._validations = len(trainer.history.val)
        for one in self.each:
            one.on_start(trainer)

    def on_step(self, trainer: Trainer) -> None:
        for one in self.each:
            one.on_step(trainer)
        new, self._validations = trainer.history.val[self._validations :], len(trainer.history.val)
        for point in new:
            for one in self.each:
                one.on_validation(trainer, point)

    def on_end(self, trainer: Trainer) -> None:
        for one in self.each:
            one.on_end(trainer)


class EarlyStopping(Callback):
    """Stop after `patience` validations in a row without a better score; `Recipe.patience` adds one."""

    def __init__(self, patience: int):
        if patience < 1:
            raise ConfigError(f"patience is {patience}; expected a number of validations of at least 1")
        self.patience = patience

    def on_validation(self, trainer: Trainer, point: Point) -> None:  # noqa: ARG002
        history = trainer.history
        if sum(other.step > (history.best_step or 0) for other in history.val) >= self.patience:
            trainer.stop("patience")


class TensorBoard(Callback):
    """Write the curves of loss and score into `folder`, through the package tensorboard."""

    def __init__(self, folder: str | Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("curves for TensorBoard need it: pip install tensorboard") from error
        self._folder, self._open, self._writer = str(folder), SummaryWriter, None
        self._written = 0

    def on_start(self, trainer: Trainer) -> None:
        if trainer.ranks.rank == 0:
            self._writer, self._written = self._open(self._folder), len(trainer.history.train)

    def on_step(self, trainer: Trainer) -> None:
        for point in trainer.history.train[self._written :]:
            self._write("train", point)
        self._written = len(trainer.history.train)

    def on_validation(self, trainer: Trainer, point: Point) -> None:  # noqa: ARG002
        self._write("val", point)

    def on_end(self, trainer: Trainer) -> None:  # noqa: ARG002
        if self._writer is not None:
            self._writer.close()

    def _write(self, part: str, point: Point) -> None:
        numbers: dict[str, Any] = {"loss": point.loss, "score": point.score}
        for name, value in numbers.items():
            if self._writer is not None and value is not None:
                self._writer.add_scalar(f"{name}/{part}", value, point.step)
