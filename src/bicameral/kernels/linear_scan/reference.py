"""What a linear scan is: the readable definition every faster path must equal."""

import torch
from jaxtyping import Inexact
from torch import Tensor


def linear_scan(
    a: Inexact[Tensor, "b t d"], x: Inexact[Tensor, "b t d"], h: Inexact[Tensor, "b d"]
) -> Inexact[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t, from the state `h` before the first frame."""
    states = []
    for t in range(x.shape[1]):
        h = a[:, t] * h + x[:, t]
        states.append(h)
    return torch.stack(states, 1)
