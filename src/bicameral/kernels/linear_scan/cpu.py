"""The compiled linear scan: float32 and complex64 on a CPU."""

import torch
from jaxtyping import Inexact
from torch import Tensor

from bicameral.kernels import native

KINDS = {torch.float32: "real", torch.complex64: "complex"}


def serves(x: Tensor) -> bool:
    """Whether the compiled scan can take such tensors here."""
    return x.dtype in KINDS and x.is_cpu and native.library() is not None


def forward(
    a: Inexact[Tensor, "b t d"], x: Inexact[Tensor, "b t d"], h: Inexact[Tensor, "b d"]
) -> Inexact[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t."""
    native.require(x.dtype, a=(a, x.shape), h=(h, (x.shape[0], x.shape[2])))
    a, x, h = native.plain(a), native.plain(x), native.plain(h)
    y = native.empty_like(x)
    run = native.function(f"linear_scan_forward_{KINDS[x.dtype]}", 4, 4)
    run(*x.shape, torch.get_num_threads(), a.data_ptr(), x.data_ptr(), h.data_ptr(), y.data_ptr())
    return y


def backward(
    a: Inexact[Tensor, "b t d"],
    h: Inexact[Tensor, "b d"],
    y: Inexact[Tensor, "b t d"],
    grad: Inexact[Tensor, "b t d"],
) -> tuple[Inexact[Tensor, "b t d"], Inexact[Tensor, "b t d"], Inexact[Tensor, "b d"]]:
    """Return the gradients of a, x and h, given the states `y` and the gradient of them."""
    read = [native.plain(v) for v in (a, h, y, grad)]
    written = [native.empty_like(read[2]), native.empty_like(read[2]), native.empty_like(read[1])]
    run = native.function(f"linear_scan_backward_{KINDS[a.dtype]}", 4, 7)
    run(*a.shape, torch.get_num_threads(), *(v.data_ptr() for v in [*read, *written]))
    da, dx, dh = written
    return da, dx, dh
