"""The sLSTM recurrence over whole sequences. The native path has no second derivatives."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from bicameral.kernels import native
from bicameral.kernels.slstm import cpu, reference

_SOURCES = "Tensor r, Tensor h, Tensor c, Tensor n"


def slstm(
    x: Float[Tensor, "b t 4 n d"],
    r: Float[Tensor, "n d e"],
    h: Float[Tensor, "b n d"],
    c: Float[Tensor, "b n d"],
    n: Float[Tensor, "b n d"],
    m: Float[Tensor, "b n d"],
) -> tuple[
    Float[Tensor, "b t n d"], Float[Tensor, "b t n d"], Float[Tensor, "b t n d"], Float[Tensor, "b t n d"]
]:
    """Return every h, c, n and m; x holds i, f, z and o, r the four of a head side by side (e = 4 d)."""
    if native.must_be_plain() or not cpu.serves(x, r, h, c, n, m):
        return reference.slstm(x, r, h, c, n, m)
    learns = torch.is_grad_enabled() and any(v.requires_grad for v in (x, r, h, c, n, m))
    if native.must_be_operator(x):
        return _operator(x, r, h, c, n, m, learns)[:4]
    if learns:
        return _Recurrence.apply(x, r, h, c, n, m)
    return cpu.forward(x, r, h, c, n, m, False)[:4]


class _Recurrence(torch.autograd.Function):
    """For eager calls: the operator costs several times as much a call."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
        *states, kept = cpu.forward(*inputs, True)  # type: ignore[misc]
        ctx.save_for_backward(*inputs[1:5], *states[:3], kept)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(states[3])
        return tuple(states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> Any:  # type: ignore[override]
        r, h, c, n, hs, cs, ns, kept = ctx.saved_tensors
        return cpu.backward(r, h, c, n, (hs, cs, ns), kept, grads[:3])  # type: ignore[arg-type]


@torch.library.custom_op(
    "bicameral::slstm",
    mutates_args=(),
    schema=f"(Tensor x, {_SOURCES}, Tensor m, bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _operator(x, r, h, c, n, m, keep):
    return cpu.forward(x, r, h, c, n, m, keep)


@torch.library.custom_op(
    "bicameral::slstm_backward",
    mutates_args=(),
    schema=f"({_SOURCES}, Tensor hs, Tensor cs, Tensor ns, Tensor kept, Tensor? dh, Tensor? dc, Tensor? dn)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _backward_operator(r, h, c, n, hs, cs, ns, kept, dh, dc, dn):
    return cpu.backward(r, h, c, n, (hs, cs, ns), kept, (dh, dc, dn))


@_operator.register_fake
def _(x, r, h, c, n, m, keep):  # noqa: ARG001
    rows, frames, _, heads, size = x.shape
    states = [x.new_empty(rows, frames, heads, size) for _ in range(4)]
    return *states, x.new_empty(rows, frames, cpu.KEPT if keep else 0, heads, size)


@_backward_operator.register_fake
def _(r, h, c, n, hs, cs, ns, kept, dh, dc, dn):  # noqa: ARG001
    rows, frames, heads, size = hs.shape
    return hs.new_empty(rows, frames, 4, heads, size), *(v.new_empty(v.shape) for v in (r, h, c, n, c))


def _save(ctx: Any, inputs: tuple, output: tuple) -> None:
    hs, cs, ns, ms, kept = output
    ctx.save_for_backward(*inputs[1:5], hs, cs, ns, kept)
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(ms, kept)


def _backward(ctx: Any, *grads: Tensor | None) -> tuple:
    return *_backward_operator(*ctx.saved_tensors, *grads[:3]), None


_operator.register_autograd(_backward, setup_context=_save)
