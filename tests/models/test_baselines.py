"""Baselines know only what they claim to know."""

import pytest
import torch

from bicameral.models.bag_of_steps import BagOfSteps, BagOfStepsConfig
from bicameral.models.linear import Linear, LinearConfig
from bicameral.models.majority import Majority, MajorityConfig
from bicameral.models.mlp import MLP, MLPConfig


def test_bag_of_steps_is_blind_to_order():
    model, x = BagOfSteps((9, 3), BagOfStepsConfig(width=8)), torch.randn(2, 9, 3)
    torch.testing.assert_close(model(x), model(x[:, torch.randperm(9)]))


def test_bag_of_steps_is_mean_and_maximum():
    model, x = BagOfSteps((9, 3), BagOfStepsConfig(width=8)), torch.randn(2, 9, 3)
    each = torch.stack([model.layers(x_t) for x_t in x.unbind(1)], 1)
    torch.testing.assert_close(model(x), torch.cat([each.mean(1), each.max(1).values], 1))


def test_linear_is_the_example_itself():
    x = torch.randn(2, 4, 3)
    model = Linear((4, 3), LinearConfig())
    assert model(x).equal(x.flatten(1))
    assert model(x[:, :2]).equal(torch.cat([x[:, :2].flatten(1), torch.zeros(2, 6)], 1))
    assert model(torch.cat([x, x], 1)).equal(x.flatten(1))


def test_majority_sees_nothing():
    model = Majority((4, 3), MajorityConfig())
    assert not model(torch.randn(5, 4, 3)).any()


@pytest.mark.parametrize("depth", [1, 3])
def test_mlp_has_the_depth_asked_for(depth):
    model = MLP((4, 3), MLPConfig(width=7, depth=depth))
    linears = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    assert [layer.out_features for layer in linears] == [7] * depth
