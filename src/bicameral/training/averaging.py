"""Moving average of the weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class MovingAverage:
    """Exponential moving average of floating tensors, updated in place; younger runs forget faster."""

    def __init__(self, tensors: Mapping[str, Tensor], decay: float):
        self.live = {name: tensor.detach() for name, tensor in tensors.items() if tensor.is_floating_point()}
        self.mean = {name: tensor.clone() for name, tensor in self.live.items()}
        self.decay = decay
        self._live, self._mean = list(self.live.values()), list(self.mean.values())

    def update(self, step: int) -> None:
        """Move towards the live weights after step number `step`, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._mean, self._live, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the network carry the mean weights during the block."""
        kept = [tensor.clone() for tensor in self._live]
        _copy(self._live, self._mean)
        try:
            yield
        finally:
            _copy(self._live, kept)


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)
