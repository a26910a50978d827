"""What a linear scan is: the readable definition every faster path must equal."""

import torch
from jaxtyping import Float
from torch import Tensor


def linear_scan(
    a: Float[Tensor, "b t d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t, from the state `h` before the first frame."""
    states = []
    for t in range(x.shape[1]):
        h = a[:, t] * h + x[:, t]
        states.append(h)
    return torch.stack(states, 1)
