"""Each network is trained the way it asks for."""

import pytest
import torch

from bicameral.tasks.network import Network
from bicameral.training import Budget, Recipe, learn, seeded


@pytest.mark.parametrize(
    ("model", "trainable", "steps", "changed"),
    [("gru", True, 3, True), ("majority", True, 0, True), ("gru", False, 0, False)],
    ids=["by gradient", "at once", "not at all"],
)
def test_the_way_it_asks_for(train, task, model, trainable, steps, changed):
    with seeded(0):
        network = Network(train.layout, task, model, {}).requires_grad_(trainable)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    history = learn(network, task, train, None, recipe=Recipe(), budget=Budget(steps=3), seed=0)
    assert history.steps == steps
    after = network.state_dict()
    assert changed != all(torch.equal(before[name], after[name]) for name in before)
