"""Convolution over lines of different lengths: padding stays zero between the layers."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.masking import Lengths, strided
from bicameral.nn.norm import BatchNorm1d


class ConvNorm1d(nn.Module):
    """Convolution and batch norm; t frames become ceil(t / stride), for even kernels too."""

    def __init__(self, num_inputs: int, channels: int, kernel: int, *, stride: int = 1):
        super().__init__()
        self.stride, self.reach = stride, ((kernel - 1) // 2, kernel // 2)
        self.conv = nn.Conv1d(num_inputs, channels, kernel, stride, bias=False)
        self.norm = BatchNorm1d(channels)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c t"], lengths: Lengths = None) -> Float[Tensor, "b e u"]:
        """Expects zeroes behind `lengths` (counted before the stride) and leaves zeroes."""
        return self.norm(self.conv(functional.pad(x, self.reach)), strided(lengths, self.stride))
