"""The compiled normalisation: float32 on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels import native

BLOCK = 64  # rows whose gradients of the weight are summed together, whatever the number of threads


def forward(x: Float[Tensor, "*b d"], weight: Float[Tensor, "d"]) -> Float[Tensor, "*b d"]:
    """Return the normalised rows."""
    width = x.shape[-1]
    native.require(x.dtype, weight=(weight, (width,)))
    x, weight = native.plain(x), native.plain(weight)
    y = native.empty_like(x)
    run = native.function("rms_norm_forward", 3, 3)
    run(x.numel() // max(1, width), width, torch.get_num_threads(), *(v.data_ptr() for v in (x, weight, y)))
    return y


def backward(
    x: Float[Tensor, "*b d"], weight: Float[Tensor, "d"], _: Tensor, grad: Float[Tensor, "*b d"]
) -> tuple[Float[Tensor, "*b d"], Float[Tensor, "d"]]:
    """Return the gradients of x and of the weight, given that of the result, which itself is not needed."""
    x, weight, grad = (native.plain(v) for v in (x, weight, grad))
    width = x.shape[-1]
    rows = x.numel() // max(1, width)
    dx, parts = native.empty_like(x), x.new_empty(-(-rows // BLOCK), width)
    run = native.function("rms_norm_backward", 4, 5)
    addresses = (v.data_ptr() for v in (x, weight, grad, dx, parts))
    run(rows, width, BLOCK, torch.get_num_threads(), *addresses)
    return dx, parts.sum(0)
