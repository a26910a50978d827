"""Running statistics are those of the whole part."""

import torch
from torch import nn

from bicameral.training.batchnorm import norms_of, reestimate


def test_statistics_become_those_of_all_batches():
    network = nn.Sequential(nn.BatchNorm1d(3))
    network.forward = lambda x, lengths: network[0](x)
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)) * 4 + 2
    reestimate(network, [(part, None) for part in x.split(20)])
    norm = network[0]
    torch.testing.assert_close(norm.running_mean, x.mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([part.var(0) for part in x.split(20)]).mean(0))
    assert norm.momentum == 0.1
    assert network.training
    assert norms_of(network) == [norm]
