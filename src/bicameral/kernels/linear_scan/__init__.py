"""h_t = a_t h_{t-1} + x_t over whole sequences, with gradients that are scans themselves."""

from typing import Any

import torch
from jaxtyping import Inexact
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.linear_scan import dispatch, reference


def linear_scan(
    a: Inexact[Tensor, "b t d"], x: Inexact[Tensor, "b t d"], h: Inexact[Tensor, "b d"]
) -> Inexact[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t, from the state `h` before the first frame; |a| <= 1.

    Real or complex. Where a_t is 0 the sequence starts anew.
    """
    if native.must_be_plain():
        return reference.linear_scan(a, x, h)
    if native.must_be_operator(x):
        return _operator(a, x, h)
    if torch.is_grad_enabled() and (a.requires_grad or x.requires_grad or h.requires_grad):
        return _Scan.apply(a, x, h)
    return dispatch.forward(a, x, h)


class _Scan(torch.autograd.Function):
    """For eager calls: the operator costs several times as much a call."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, x: Tensor, h: Tensor) -> Tensor:  # type: ignore[override]
        y = dispatch.forward(a, x, h)
        ctx.save_for_backward(a, h, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        a, h, y = ctx.saved_tensors
        if torch.is_grad_enabled():  # gradients of gradients are wanted
            return dispatch.backward_by(linear_scan, a, h, y, grad)
        return dispatch.backward(a, h, y, grad)


_operator = torch.library.custom_op(
    "bicameral::linear_scan",
    dispatch.forward,
    mutates_args=(),
    schema="(Tensor a, Tensor x, Tensor h) -> Tensor",
)
_backward_operator = torch.library.custom_op(
    "bicameral::linear_scan_backward",
    dispatch.backward,
    mutates_args=(),
    schema="(Tensor a, Tensor h, Tensor y, Tensor grad) -> (Tensor, Tensor, Tensor)",
)


@_operator.register_fake
def _(a, x, h):  # noqa: ARG001
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@_backward_operator.register_fake
def _(a, h, y, grad):  # noqa: ARG001
    return tuple(torch.empty_like(v, memory_format=torch.contiguous_format) for v in (y, y, h))


def _save(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    a, _, h = inputs
    ctx.save_for_backward(a, h, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _backward_operator(*ctx.saved_tensors, grad)


_operator.register_autograd(_backward, setup_context=_save)
