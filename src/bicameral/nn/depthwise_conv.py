"""Causal convolution of each channel by itself, under the recurrent contract."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, Resets, last_frames, last_state
from bicameral.nn.recurrent import Recurrent


class DepthwiseCausalConv1d(Recurrent[Tensor]):
    """y_t = b + Σ_j w_j ⊙ x_{t-j}; the state is the last `kernel - 1` frames, zeroes before the first.

    Written as a sum over taps: on a CPU as fast as torch's grouped convolution or up to five times as fast.
    variance  weights start from N(0, variance / kernel), biases at zero; None: both as in nn.Conv1d, uniform
              within 1 / √kernel
    """

    def __init__(self, width: int, kernel: int, *, variance: float | None = None):
        super().__init__()
        self.width, self.reach = width, kernel - 1
        self.weight = nn.Parameter(torch.empty(kernel, width))  # oldest tap first
        self.bias = nn.Parameter(torch.zeros(width))
        if variance is None:
            for parameter in (self.weight, self.bias):
                nn.init.uniform_(parameter, -(kernel**-0.5), kernel**-0.5)
        else:
            nn.init.normal_(self.weight, std=math.sqrt(variance / kernel))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b k d"]:
        return x_t.new_zeros(x_t.shape[0], self.reach, self.width)

    def scan(
        self,
        x: Float[Tensor, "b t d"],
        state: Float[Tensor, "b k d"],
        lengths: Lengths,
        resets: Resets = None,
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b k d"]]:
        frames, num_frames = torch.cat([state, x], 1), x.shape[1]
        if resets is None:
            taps = [frames[:, j : j + num_frames] for j in range(self.reach + 1)]
            return self._sum(taps), last_frames(frames, lengths, self.reach)
        document = torch.cat([resets.new_zeros(x.shape[0], self.reach), resets], 1).cumsum(1)[..., None]
        here = document[:, self.reach :]
        taps = [
            frames[:, j : j + num_frames].where(document[:, j : j + num_frames] == here, 0)
            for j in range(self.reach + 1)
        ]
        kept = (
            last_frames(document, lengths, self.reach) == last_state(here, document[:, 0], lengths)[:, None]
        )
        return self._sum(taps), last_frames(frames, lengths, self.reach).where(kept, 0)

    def _sum(self, taps: list[Float[Tensor, "b t d"]]) -> Float[Tensor, "b t d"]:
        y = self.bias
        for frames, weight in zip(taps, self.weight, strict=True):
            y = torch.addcmul(y, frames, weight)
        return y
