"""Running statistics of batch normalisation, re-estimated on the whole training part."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    """Every batch normalisation of the network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


@contextmanager
def frozen(norms: Sequence[_BatchNorm]) -> Iterator[None]:
    """Use the running statistics during the block."""
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


@torch.no_grad()
def reestimate(network: nn.Module, inputs: Iterable[tuple[Tensor, Tensor | None]]) -> None:
    """Replace running means and variances by their plain average over the batches `inputs`.

    Precise BN (Wu and Johnson, arXiv:2105.07576): with few steps the moving average lags behind the weights.
    """
    norms = norms_of(network)
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for a cumulative average
        norm.train()
    for x, lengths in inputs:
        network(x, lengths)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(was_training)
