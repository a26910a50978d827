"""The real-gated linear recurrent unit from its gates on. The compiled path has no second derivatives."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from bicameral.kernels import native
from bicameral.kernels.rg_lru import cpu, reference

_INPUTS = "Tensor x, Tensor gate_a, Tensor gate_x, Tensor log_a, Tensor h, Tensor? resets"


def rg_lru(
    x: Float[Tensor, "b t d"],
    gate_a: Float[Tensor, "b t d"],
    gate_x: Float[Tensor, "b t d"],
    log_a: Float[Tensor, "d"],
    h: Float[Tensor, "b d"],
    resets: Bool[Tensor, "b t"] | None = None,
) -> Float[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + √(1 - a_t²) σ(gate_x) x_t, with a_t = e^(log_a σ(gate_a)).

    `log_a` is at most 0: the log of the decay at an open gate. Frames of `resets` forget what was before.
    """
    inputs = (x, gate_a, gate_x, log_a, h)
    if native.must_be_plain() or not cpu.serves(*inputs):
        return reference.rg_lru(*inputs, resets)
    if native.must_be_operator(x):
        return _operator(*inputs, resets)
    if torch.is_grad_enabled() and any(v.requires_grad for v in inputs):
        return _Unit.apply(*inputs, resets)
    return cpu.forward(*inputs, resets)


class _Unit(torch.autograd.Function):
    """For eager calls: the operator costs several times as much a call."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        y = cpu.forward(*inputs)
        ctx.save_for_backward(*inputs, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        x, gate_a, gate_x, log_a, h, resets, y = ctx.saved_tensors
        return *cpu.backward(x, gate_a, gate_x, log_a, h, resets, y, grad), None


_operator = torch.library.custom_op(
    "bicameral::rg_lru", cpu.forward, mutates_args=(), schema=f"({_INPUTS}) -> Tensor"
)
_backward_operator = torch.library.custom_op(
    "bicameral::rg_lru_backward",
    cpu.backward,
    mutates_args=(),
    schema=f"({_INPUTS}, Tensor y, Tensor grad) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)


@_operator.register_fake
def _(x, gate_a, gate_x, log_a, h, resets):  # noqa: ARG001
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@_backward_operator.register_fake
def _(x, gate_a, gate_x, log_a, h, resets, y, grad):  # noqa: ARG001
    like = (x, x, x, log_a, h)
    return tuple(torch.empty_like(v, memory_format=torch.contiguous_format) for v in like)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return *_backward_operator(*ctx.saved_tensors, grad), None


_operator.register_autograd(_backward, setup_context=_save)
