"""Convolution and batch norm as one layer that keeps padding zero."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.masking import Lengths, strided
from bicameral.nn.norm import BatchNorm


class ConvNorm(nn.Module):
    """A size s along each axis becomes ceil(s / stride), for even kernels too.

    `lengths` are counted before the stride; expects zeroes behind them and leaves zeroes.
    """

    def __init__(self, conv: nn.Conv1d | nn.Conv2d, channels: int, kernel: int, stride: int, num_axes: int):
        super().__init__()
        self.stride = stride
        self.uneven = (kernel // 2 - 1, kernel // 2) * num_axes if kernel % 2 == 0 else None
        self.conv = conv
        self.norm = BatchNorm(channels, time_axis=3 if num_axes == 2 else 2)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c *s"], lengths: Lengths = None) -> Float[Tensor, "b e *u"]:
        if self.uneven:  # a copy, which the convolution's own padding saves wherever it will do
            x = functional.pad(x, self.uneven)
        return self.norm(self.conv(x), strided(lengths, self.stride))


class ConvNorm1d(ConvNorm):
    """Over lines."""

    def __init__(self, num_inputs: int, channels: int, kernel: int, *, stride: int = 1):
        conv = nn.Conv1d(num_inputs, channels, kernel, stride, _padding(kernel), bias=False)
        super().__init__(conv, channels, kernel, stride, num_axes=1)


class ConvNorm2d(ConvNorm):
    """Over pictures."""

    def __init__(self, num_inputs: int, channels: int, kernel: int, *, stride: int = 1):
        conv = nn.Conv2d(num_inputs, channels, kernel, stride, _padding(kernel), bias=False)
        super().__init__(conv, channels, kernel, stride, num_axes=2)


def _padding(kernel: int) -> int:
    """Return how much a convolution pads by itself: the same at both ends, so nothing for an even kernel."""
    return kernel // 2 if kernel % 2 else 0
