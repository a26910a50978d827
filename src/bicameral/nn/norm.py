"""Batch normalisation that never counts padding and never fails on a single value."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from bicameral.nn.masking import Lengths, valid_frames


class BatchNorm(_BatchNorm):
    """Over lines, pictures or volumes: statistics of the valid frames alone, zeroes behind them."""

    def __init__(self, channels: int, *, time_axis: int = 2):
        super().__init__(channels)
        self.time_axis = time_axis

    def forward(self, input: Float[Tensor, "b c *s"], lengths: Lengths = None) -> Float[Tensor, "b c *s"]:  # noqa: A002
        if lengths is None:
            return self._norm(input)
        frames = input.movedim(self.time_axis, 1)
        valid = valid_frames(lengths, frames.shape[1])
        normed = self._norm(frames[valid])
        return frames.new_zeros(frames.shape).index_put((valid,), normed).movedim(1, self.time_axis)

    def _norm(self, x: Float[Tensor, "n c *s"]) -> Float[Tensor, "n c *s"]:
        if self.training and x.numel() == x.shape[1]:  # one value a channel has no variance
            mean, var = self.running_mean, self.running_var
            return functional.batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Any number of axes will do."""
