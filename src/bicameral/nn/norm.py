"""Batch normalisation that never counts padding and never fails on a single value."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from bicameral.nn.masking import Lengths, valid_frames


class _Forgiving(_BatchNorm):
    """With one value a channel there is no variance to take, so the running statistics serve."""

    def forward(self, input: Float[Tensor, "b c *s"]) -> Float[Tensor, "b c *s"]:  # noqa: A002
        if self.training and input.numel() == input.shape[1]:
            mean, var = self.running_mean, self.running_var
            return functional.batch_norm(input, mean, var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)


class BatchNorm2d(_Forgiving, nn.BatchNorm2d):
    """Over pictures."""


class BatchNorm3d(_Forgiving, nn.BatchNorm3d):
    """Over clips."""


class BatchNorm1d(_Forgiving, nn.BatchNorm1d):
    """Over lines: statistics of the valid frames alone, zeroes behind them."""

    def forward(self, input: Float[Tensor, "b c t"], lengths: Lengths = None) -> Float[Tensor, "b c t"]:  # noqa: A002
        if lengths is None:
            return super().forward(input)
        valid = valid_frames(lengths, input.shape[-1])
        frames = input.transpose(1, 2)
        normed = super().forward(frames[valid])
        return frames.new_zeros(frames.shape).index_put((valid,), normed).transpose(1, 2)
