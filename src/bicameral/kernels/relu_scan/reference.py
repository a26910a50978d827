"""What the scan is: the readable definition every faster path must equal."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels.frames import stacked


def relu_scan(
    u: Float[Tensor, "d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t = max(0, u h_{t-1} + x_t), from the state `h` before the first frame."""
    states, start = [], h
    for x_t in x.unbind(1):
        h = torch.addcmul(x_t, u, h).relu()
        states.append(h)
    return stacked(states, start)
