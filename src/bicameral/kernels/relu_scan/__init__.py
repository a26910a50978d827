"""h_t = max(0, u h_{t-1} + x_t) over whole sequences. The native path has no second derivatives."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from bicameral.kernels import native
from bicameral.kernels.relu_scan import cpu, reference


def relu_scan(
    u: Float[Tensor, "d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t = max(0, u h_{t-1} + x_t), from the state `h` before the first frame."""
    if native.must_be_plain() or not cpu.serves(u, x, h):
        return reference.relu_scan(u, x, h)
    if native.must_be_operator(x):
        return _operator(u, x, h)
    if torch.is_grad_enabled() and (u.requires_grad or x.requires_grad or h.requires_grad):
        return _Scan.apply(u, x, h)
    return cpu.forward(u, x, h)


class _Scan(torch.autograd.Function):
    """For eager calls: the operator costs several times as much a call."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, x: Tensor, h: Tensor) -> Tensor:  # type: ignore[override]
        y = cpu.forward(u, x, h)
        ctx.save_for_backward(u, h, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        u, h, y = ctx.saved_tensors
        return cpu.backward(u, h, y, grad)


@torch.library.custom_op(
    "bicameral::relu_scan", mutates_args=(), schema="(Tensor u, Tensor x, Tensor h) -> Tensor"
)
def _operator(u, x, h):
    return cpu.forward(u, x, h)


@torch.library.custom_op(
    "bicameral::relu_scan_backward",
    mutates_args=(),
    schema="(Tensor u, Tensor h, Tensor y, Tensor grad) -> (Tensor, Tensor, Tensor)",
)
def _backward_operator(u, h, y, grad):
    return cpu.backward(u, h, y, grad)


@_operator.register_fake
def _(u, x, h):  # noqa: ARG001
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@_backward_operator.register_fake
def _(u, h, y, grad):  # noqa: ARG001
    return torch.empty_like(u), torch.empty_like(y), torch.empty_like(h)


def _save(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    u, _, h = inputs
    ctx.save_for_backward(u, h, output)


_operator.register_autograd(
    lambda ctx, grad: _backward_operator(*ctx.saved_tensors, grad), setup_context=_save
)
