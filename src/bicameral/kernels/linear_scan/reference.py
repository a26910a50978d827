"""What a linear scan is: the readable definition every faster path must equal."""

from jaxtyping import Inexact
from torch import Tensor

from bicameral.kernels.frames import stacked


def linear_scan(
    a: Inexact[Tensor, "b t d"], x: Inexact[Tensor, "b t d"], h: Inexact[Tensor, "b d"]
) -> Inexact[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t, from the state `h` before the first frame."""
    states, start = [], h
    for t in range(x.shape[1]):
        h = a[:, t] * h + x[:, t]
        states.append(h)
    return stacked(states, start)
