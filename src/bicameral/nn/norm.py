"""Batch normalisation that never counts padding and never fails on a single value; RMS normalisation."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from bicameral.kernels.rms_norm import rms_norm
from bicameral.nn.masking import Lengths, valid_frames


class BatchNorm(_BatchNorm):
    """Over lines, pictures or volumes: statistics of the valid frames alone, zeroes behind them."""

    def __init__(self, channels: int, *, time_axis: int = 2):
        super().__init__(channels)
        self.time_axis = time_axis

    def forward(self, input: Float[Tensor, "b c *s"], lengths: Lengths = None) -> Float[Tensor, "b c *s"]:  # noqa: A002
        if lengths is None:
            return self._norm(input)
        shape = [1] * input.ndim
        shape[0], shape[self.time_axis] = input.shape[0], input.shape[self.time_axis]
        valid = valid_frames(lengths, input.shape[self.time_axis]).view(shape).to(input.dtype)
        return self._masked(input, valid)

    def _masked(self, x: Float[Tensor, "b c *s"], valid: Float[Tensor, "b 1 ..."]) -> Float[Tensor, "b c *s"]:
        """Normalise by sums over the valid frames: gathering them would be several times slower on a CPU."""
        axes = [axis for axis in range(x.ndim) if axis != 1]
        count = valid.sum() * (x.shape[2:].numel() / valid.shape[1:].numel())
        if self.training and count > 1:
            mean = (x * valid).sum(axes, keepdim=True) / count
            centred = (x - mean) * valid
            variance = centred.square().sum(axes, keepdim=True) / count
            self._remember(mean.flatten(), variance.flatten() * count / (count - 1))
        else:
            mean, variance = (part.view(1, -1, *[1] * (x.ndim - 2)) for part in self._running())
            centred = (x - mean) * valid
        gain = self.weight.view_as(mean) * torch.rsqrt(variance + self.eps)
        return centred * gain + self.bias.view_as(mean) * valid

    @torch.no_grad()
    def _remember(self, mean: Float[Tensor, " c"], variance: Float[Tensor, " c"]) -> None:
        running_mean, running_variance = self._running()
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        running_mean.lerp_(mean, share)
        running_variance.lerp_(variance, share)

    def _running(self) -> tuple[Tensor, Tensor]:
        assert self.running_mean is not None
        assert self.running_var is not None
        return self.running_mean, self.running_var

    def _norm(self, x: Float[Tensor, "n c *s"]) -> Float[Tensor, "n c *s"]:
        if self.training and x.numel() == x.shape[1]:  # one value a channel has no variance
            mean, var = self.running_mean, self.running_var
            return functional.batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Any number of axes will do."""


class RMSNorm(nn.Module):
    """x / √(mean of x² + 1e-6) ⊙ weight, as exactly as the weight is kept, whatever autocast hands it."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        return rms_norm(x.to(torch.promote_types(x.dtype, self.weight.dtype)), self.weight)
