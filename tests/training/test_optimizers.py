"""Groups with and without decay, and a state that can be laid down and taken up."""

import pytest
import torch
from torch import nn

from bicameral.nn.recurrent import Recurrent
from bicameral.training.optimizers import build_optimizer, flatten, restore
from bicameral.training.recipe import Recipe

NAMES = ["adamw", "adam", "sgd", "rmsprop"]


def make(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def take_steps(network, optimizer, count):
    for number in range(count):
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, 0.1 * (number + 1))
        optimizer.step()


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_only_matrices_decay(name):
    network = make()
    before = [parameter.clone() for parameter in network.parameters()]
    optimizer = build_optimizer(network, Recipe(optimizer=name, weight_decay=0.5, learning_rate=0.1))
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, old) == (parameter.ndim == 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_optimizer_goes_on_as_if_nothing_happened(name):
    recipe, one, other = Recipe(optimizer=name), make(), make()
    first, second = build_optimizer(one, recipe), build_optimizer(other, recipe)
    take_steps(one, first, 3)
    tensors, numbers = flatten(first)
    other.load_state_dict(one.state_dict())
    restore(second, {name: tensor.clone() for name, tensor in tensors.items()}, numbers)
    take_steps(one, first, 2)
    take_steps(other, second, 2)
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_the_fast_form_computes_the_same_as_the_plain_one(name):
    recipe = Recipe(optimizer=name, learning_rate=0.01)
    fast, plain = make(), make()
    optimizer = build_optimizer(fast, recipe)
    reference = build_optimizer(plain, recipe)
    for group in reference.param_groups:
        group["fused"], group["foreach"] = None, False
    take_steps(fast, optimizer, 4)
    take_steps(plain, reference, 4)
    for ours, theirs in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


class Poles(Recurrent):
    slow = ("poles",)

    def __init__(self):
        super().__init__()
        self.poles, self.weights = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))


@pytest.mark.parametrize(("rate", "share"), [(1e-2, 0.1), (1e-3, 1.0), (1e-4, 1.0)])
def test_slow_parameters_neither_decay_nor_run(rate, share):
    network = nn.Sequential(nn.Linear(2, 2), Poles())
    optimizer = build_optimizer(network, Recipe(learning_rate=rate, weight_decay=0.5))
    group = next(group for group in optimizer.param_groups if "share" in group)
    assert [id(parameter) for parameter in group["params"]] == [id(network[1].poles)]
    assert (group["weight_decay"], group["share"]) == (0.0, pytest.approx(share))
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4
