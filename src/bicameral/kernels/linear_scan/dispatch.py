"""Which way a linear scan is computed: by what the tensors are and what this machine has."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Inexact
from torch import Tensor

from bicameral.kernels.linear_scan import chunked, cpu

Gradients = tuple[Inexact[Tensor, "b t d"], Inexact[Tensor, "b t d"], Inexact[Tensor, "b d"]]
HALVES = (torch.bfloat16, torch.float16)


def forward(
    a: Inexact[Tensor, "b t d"], x: Inexact[Tensor, "b t d"], h: Inexact[Tensor, "b d"]
) -> Inexact[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t; half precision is summed in single and rounded once."""
    if x.dtype in HALVES:
        return forward(a.float(), x.float(), h.float()).to(x.dtype)
    fast = _fast(x)
    return fast.forward(a, x, h) if fast else chunked.scan(a, x, h)


def _fast(x: Tensor) -> Any:
    """Return the module whose kernels take such tensors here, if there is one."""
    if cpu.serves(x):
        return cpu
    if x.is_cuda and x.dtype is torch.float32 and find_spec("triton"):
        from bicameral.kernels.linear_scan import triton  # here, because most machines lack it

        return triton
    return None


def backward(
    a: Inexact[Tensor, "b t d"],
    h: Inexact[Tensor, "b d"],
    y: Inexact[Tensor, "b t d"],
    grad: Inexact[Tensor, "b t d"],
) -> Gradients:
    """Return the gradients of a, x and h, given the states `y` and the gradient of them."""
    fast = _fast(y)
    return fast.backward(a, h, y, grad) if fast else backward_by(forward, a, h, y, grad)


def backward_by(
    scan: Callable[[Tensor, Tensor, Tensor], Tensor],
    a: Inexact[Tensor, "b t d"],
    h: Inexact[Tensor, "b d"],
    y: Inexact[Tensor, "b t d"],
    grad: Inexact[Tensor, "b t d"],
) -> Gradients:
    """dx_t = grad_t + a*_{t+1} dx_{t+1} is the same scan, backwards in time.

    Conjugates are written out: one that is put off gets lost inside an operator under PyTorch's compiler.
    """
    later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1).conj_physical()
    dx = scan(later.flip(1), grad.flip(1), torch.zeros_like(h)).flip(1)
    before = torch.cat([h[:, None], y], 1)[:, :-1]
    dh = (dx[:, :1] * a[:, :1].conj_physical()).sum(1)  # of one frame, or none
    return dx * before.conj_physical(), dx, dh
