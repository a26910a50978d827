"""Callbacks see the run as it is, can end it, and change nothing by looking."""

import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.training import Budget, Callback, EarlyStopping, Recipe, TensorBoard, fit
from bicameral.training.callbacks import Callbacks

RECIPE = Recipe(batch_size=9)


class Diary(Callback):
    """Notes down what it is told."""

    def __init__(self):
        self.said, self.points = [], []

    def on_start(self, trainer):
        self.said.append(("start", trainer.history.steps))

    def on_step(self, trainer):
        self.said.append(("step", trainer.history.steps))

    def on_validation(self, trainer, point):
        self.points.append(point)

    def on_end(self, trainer):
        self.said.append(("end", trainer.network.training))


class StopAt(Callback):
    """Ends the run after so many steps."""

    def __init__(self, steps):
        self.steps = steps

    def on_step(self, trainer):
        if trainer.history.steps == self.steps:
            trainer.stop()


def test_everything_is_told_once_and_nothing_is_changed(network, task, train, val, numbers):
    diary, watched, alone = Diary(), network(), network()
    history = fit(watched, task, train, val, recipe=RECIPE, budget=Budget(steps=9), seed=3, callbacks=[diary])
    fit(alone, task, train, val, recipe=RECIPE, budget=Budget(steps=9), seed=3)
    assert diary.said == [("start", 0), *(("step", step) for step in range(1, 10)), ("end", False)]
    assert diary.points == history.val
    assert torch.equal(numbers(watched), numbers(alone))


def test_a_callback_can_end_the_run(network, task, train, val):
    settings = {"recipe": RECIPE, "budget": Budget(steps=50), "seed": 3}
    history = fit(network(), task, train, val, **settings, callbacks=[StopAt(4)])
    assert (history.steps, history.stopped_by, history.failed) == (4, "callback", False)


def test_patience_of_the_recipe_is_early_stopping(network, task, train, val):
    recipe = Recipe(batch_size=9, learning_rate=1e-12)
    settings = {"budget": Budget(steps=4000), "seed": 0}
    by_hand = fit(network(), task, train, val, recipe=recipe, **settings, callbacks=[EarlyStopping(3)])
    by_recipe = fit(
        network(), task, train, val, recipe=Recipe(batch_size=9, learning_rate=1e-12, patience=3), **settings
    )
    assert (by_hand.steps, by_hand.stopped_by) == (by_recipe.steps, "patience")


def test_what_is_no_callback_is_refused():
    with pytest.raises(ConfigError, match="is no callback; derive it"):
        Callbacks([print])


def test_curves_reach_tensorboard(network, task, train, val, tmp_path):
    pytest.importorskip("tensorboard", reason="curves for TensorBoard are written where it is installed")
    settings = {"recipe": RECIPE, "budget": Budget(steps=9), "seed": 3}
    fit(network(), task, train, val, **settings, callbacks=[TensorBoard(tmp_path)])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert set(found.Tags()["scalars"]) == {"loss/train", "loss/val", "score/val"}
