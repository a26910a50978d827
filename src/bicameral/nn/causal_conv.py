"""Dilated causal convolution under the recurrent contract: its state is the last frames it still needs."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent


class CausalConv1d(Recurrent[Tensor]):
    """y_t sees x_t and `kernel - 1` frames before it, `dilation` apart; zeroes stand before the first."""

    def __init__(self, num_inputs: int, width: int, kernel: int, *, dilation: int = 1):
        super().__init__()
        self.width, self.num_inputs, self.reach = width, num_inputs, (kernel - 1) * dilation
        self.conv = nn.Conv1d(num_inputs, width, kernel, dilation=dilation)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b k d"]:
        return x_t.new_zeros(x_t.shape[0], self.reach, self.num_inputs)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b k d"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], Float[Tensor, "b k d"]]:
        frames = torch.cat([state, x], 1)
        y = self._last(frames) if x.shape[1] == 1 else self.conv(frames.transpose(1, 2)).transpose(1, 2)
        if lengths is None:
            return y, frames[:, x.shape[1] :]
        last = lengths[:, None] + torch.arange(self.reach, device=x.device)
        return y, frames.gather(1, last[..., None].expand(-1, -1, self.num_inputs))

    def _last(self, frames: Float[Tensor, "b k d"]) -> Float[Tensor, "b 1 e"]:
        """The output at the last frame as one product: convolving one frame costs five times as much."""
        taps = frames[:, :: self.conv.dilation[0]].transpose(1, 2).flatten(1)
        return functional.linear(taps, self.conv.weight.flatten(1), self.conv.bias).unsqueeze(1)
