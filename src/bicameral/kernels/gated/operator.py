"""The native recurrence as an operator, for PyTorch's compiler, which cannot look into it."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from bicameral.kernels.gated import cpu, recurrence
from bicameral.kernels.gated.cells import CELLS
from bicameral.kernels.gated.reference import Weights
from bicameral.kernels.lengths import checked

_ARGUMENTS = (
    "str cell, bool keep, Tensor? lengths, Tensor x, Tensor h, Tensor? c, "
    "Tensor? w_x, Tensor w_h, Tensor? b_x, Tensor? b_h, Tensor? extra"
)
_INCOMING = "Tensor workspace, Tensor? dy, Tensor? dh, Tensor? dc, bool[] wanted"


@torch.library.custom_op(
    "bicameral::gated", mutates_args=(), schema=f"({_ARGUMENTS}) -> (Tensor, Tensor, Tensor, Tensor)"
)
def gated(cell, keep, lengths, x, h, c, *weights):
    """Return outputs, last h and c, and what the backward pass needs, where it is to be kept."""
    lengths = None if lengths is None else checked(lengths, *x.shape[:2])
    kept = x.new_empty(_kept_size(cell, keep, x, h, c))
    workspace = kept if keep else None
    x, h, c = _rows(x), _rows(h), _rows(c)
    return *recurrence.run(CELLS[cell], x, h, c, Weights(*weights), lengths, workspace), kept


@gated.register_fake
def _(cell, keep, lengths, x, h, c, *weights):  # noqa: ARG001
    (rows, frames, _), outputs = x.shape, h.shape[1]
    last_c = x.new_empty(0, outputs) if c is None else x.new_empty(rows, c.shape[1])
    y = x.new_empty(rows, frames, outputs)
    return y, x.new_empty(rows, outputs), last_c, x.new_empty(_kept_size(cell, keep, x, h, c))


@torch.library.custom_op(
    "bicameral::gated_backward", mutates_args=(), schema=f"({_ARGUMENTS}, {_INCOMING}) -> Tensor[]"
)
def gated_backward(cell, keep, lengths, x, h, c, w_x, w_h, b_x, b_h, extra, workspace, dy, dh, dc, wanted):  # noqa: ARG001
    """Return the gradients of x, h, c and the weights; empty where not wanted."""
    weights = Weights(w_x, w_h, b_x, b_h, extra)
    x, h, c = _rows(x), _rows(h), _rows(c)
    made = recurrence.run_back(CELLS[cell], x, h, c, weights, lengths, workspace, (dy, dh, dc), wanted)
    return [x.new_empty(0) if gradient is None else gradient for gradient in made]


@gated_backward.register_fake
def _(cell, keep, lengths, x, h, c, w_x, w_h, b_x, b_h, extra, workspace, dy, dh, dc, wanted):  # noqa: ARG001
    sources = (x, h, c, w_x, w_h, b_x, b_h, extra)
    wants = recurrence.answered(sources, wanted)
    return [
        torch.empty_like(source, memory_format=torch.contiguous_format) if want else x.new_empty(0)
        for source, want in zip(sources, wants, strict=True)
    ]


@register_flop_formula(torch.ops.bicameral.gated)
def _count(cell, keep, lengths, x, h, c, w_x, w_h, b_x, b_h, extra, **_: Any) -> int:  # noqa: ARG001
    """Multiplications and additions of the products: every frame's input and state, by every gate."""
    products = math.prod(w_h) + (0 if w_x is None else math.prod(w_x))
    if CELLS[cell].projects:
        products += math.prod(extra)
    return 2 * x[0] * x[1] * products


def _kept_size(cell: str, keep: bool, x: Tensor, h: Tensor, c: Tensor | None) -> int:
    (rows, frames, _), units = x.shape, (h if c is None else c).shape[1]
    return cpu.workspace_size(CELLS[cell], rows, frames, units, h.shape[1]) if keep else 0


def _rows(x: Any) -> Any:
    """Values of a row must stand next to each other; the compiler may hand over other layouts."""
    return x if x is None or x.stride(-1) == 1 else x.contiguous()


def _save(ctx: Any, inputs: tuple, output: tuple) -> None:
    cell, keep, *tensors = inputs
    assert keep, "the forward pass was told that no backward pass would follow"
    ctx.cell = cell
    ctx.save_for_backward(*tensors, output[3])
    ctx.mark_non_differentiable(output[3])
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dy: Tensor | None, dh: Tensor | None, dc: Tensor | None, _: None) -> tuple:
    *tensors, workspace = ctx.saved_tensors
    wanted = list(ctx.needs_input_grad[3:])
    made = gated_backward(
        ctx.cell, True, *tensors, workspace, dy, dh, dc if tensors[3] is not None else None, wanted
    )
    wants = recurrence.answered(tensors[1:], wanted)
    return None, None, None, *(gradient if want else None for gradient, want in zip(made, wants, strict=True))


gated.register_autograd(_backward, setup_context=_save)
