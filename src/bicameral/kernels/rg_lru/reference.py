"""What an RG-LRU computes from its gates: the readable definition every faster path must equal."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bicameral.kernels.linear_scan import linear_scan

STEEPEST = 1000.0  # largest gradient of the square root


def rg_lru(
    x: Float[Tensor, "b t d"],
    gate_a: Float[Tensor, "b t d"],
    gate_x: Float[Tensor, "b t d"],
    log_a: Float[Tensor, "d"],
    h: Float[Tensor, "b d"],
    resets: Bool[Tensor, "b t"] | None = None,
) -> Float[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + √(1 - a_t²) σ(gate_x) x_t, with a_t = e^(log_a σ(gate_a))."""
    decay = log_a * gate_a.sigmoid()
    a, weight = decay.exp(), bounded_sqrt(-torch.expm1(2 * decay))
    if resets is not None:
        a = a.masked_fill(resets[..., None], 0)
    return linear_scan(a, weight * gate_x.sigmoid() * x, h)


def bounded_sqrt(x: Tensor) -> Tensor:
    """√x, with a gradient of at most 1000: at a = 1 that of √(1 - a²) is infinite."""
    if torch.compiler.is_exporting() or torch._C._are_functorch_transforms_active():
        return x.sqrt()
    return _BoundedSqrt.apply(x)


class _BoundedSqrt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        root = x.sqrt()
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (root,) = ctx.saved_tensors
        return grad / (2 * root).clamp(min=1 / STEEPEST)
