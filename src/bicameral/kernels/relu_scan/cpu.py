"""The compiled scan: float32 on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels import native


def forward(
    u: Float[Tensor, "d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t."""
    native.require(x.dtype, u=(u, x.shape[2:]), h=(h, (x.shape[0], x.shape[2])))
    u, x, h = native.plain(u), native.plain(x), native.plain(h)
    y = torch.empty_like(x)
    run = native.function("relu_scan_forward", 4, 4)
    run(*x.shape, torch.get_num_threads(), *(v.data_ptr() for v in (u, x, h, y)))
    return y


def backward(
    u: Float[Tensor, "d"], h: Float[Tensor, "b d"], y: Float[Tensor, "b t d"], grad: Float[Tensor, "b t d"]
) -> tuple[Float[Tensor, "d"], Float[Tensor, "b t d"], Float[Tensor, "b d"]]:
    """Return the gradients of u, x and h, given the states `y` and the gradient of them."""
    read = [native.plain(v) for v in (u, h, y, grad)]
    dx, du, dh = torch.empty_like(read[2]), torch.empty_like(read[1]), torch.empty_like(read[1])
    run = native.function("relu_scan_backward", 4, 7)
    run(*y.shape, torch.get_num_threads(), *(v.data_ptr() for v in (*read, dx, du, dh)))
    return du.sum(0), dx, dh
