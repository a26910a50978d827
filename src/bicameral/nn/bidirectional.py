"""A sequence read forwards and backwards."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent


class Bidirectional(nn.Module):
    """One layer on the sequence and another on its reverse, side by side; no state goes in or out."""

    def __init__(self, forwards: Recurrent, backwards: Recurrent):
        super().__init__()
        self.forwards, self.backwards = forwards, backwards
        self.width = forwards.width + backwards.width

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b t e"]:
        onward, _ = self.forwards(x, lengths=lengths)
        back, _ = self.backwards(reverse(x, lengths), lengths=lengths)
        return torch.cat([onward, reverse(back, lengths)], -1)


def reverse(x: Float[Tensor, "b t d"], lengths: Lengths) -> Float[Tensor, "b t d"]:
    """Turn the valid frames of each row around; padding stays behind."""
    if lengths is None:
        return x.flip(1)
    t = torch.arange(x.shape[1], device=x.device)
    source = torch.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
    return x.gather(1, source[..., None].expand_as(x))
