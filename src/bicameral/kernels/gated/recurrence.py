"""The native recurrence under autograd, for eager PyTorch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bicameral.kernels.gated import cpu, workspaces
from bicameral.kernels.gated.cells import Cell
from bicameral.kernels.gated.packed import packed_weights
from bicameral.kernels.gated.reference import Weights

Tensors = tuple[Tensor, ...]
NO_SECOND = (
    "gated recurrences have no second derivatives in their native kernels, which create_graph=True asks for; "
    "use float64, or set BICAMERAL_KERNELS=reference in the environment"
)


class Recurrence(torch.autograd.Function):
    """One layer in eager mode. Its gradients have no gradients of their own."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        lengths: Tensor | None,
        x: Tensor,
        h: Tensor,
        c: Tensor | None,
        *weights: Tensor | None,
    ) -> Tensors:
        """Keep the workspace; it goes back to the pool in the backward pass."""
        ctx.save_for_backward(x, h, c, *weights)
        ctx.set_materialize_grads(False)
        ctx.cell, ctx.lengths = cell, lengths
        outputs, ctx.workspace = _run_kept(cell, x, h, c, Weights(*weights), lengths)  # type: ignore[arg-type]
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        """Run the forward pass again if this is not the first backward pass."""
        if torch.is_grad_enabled():  # silence would leave a penalty on gradients out of the loss
            raise RuntimeError(NO_SECOND)
        x, h, c, *weights = ctx.saved_tensors
        cell, lengths, workspace, ctx.workspace = ctx.cell, ctx.lengths, ctx.workspace, None
        if workspace is None:
            _, workspace = _run_kept(cell, x, h, c, Weights(*weights), lengths)
        incoming = (*gradients[: cell.num_states + 1], *[None] * (2 - cell.num_states))
        answers = run_back(
            cell, x, h, c, Weights(*weights), lengths, workspace, incoming, ctx.needs_input_grad[2:]
        )
        workspaces.give(workspace)
        return None, None, *answers


def _run_kept(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, weights: Weights, lengths: Tensor | None
) -> tuple[Tensors, Tensor]:
    call = cpu.prepare(cell, x, h, c, weights, lengths)
    size = cpu.workspace_size(cell, call.rows, call.frames, call.units, call.outputs)
    workspace = workspaces.take(size)
    return cpu.forward(cell, call, x, cpu.pack(cell, call, h), workspace), workspace


def run(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor | None,
    weights: Weights,
    lengths: Tensor | None,
    workspace: Tensor | None = None,
) -> Tensors:
    """Return every output and the last h and c (empty where the cell has none)."""
    call = cpu.prepare(cell, x, h, c, weights, lengths)
    packed = packed_weights(cell, call, weights) if workspace is None else cpu.pack(cell, call, h)
    return cpu.forward(cell, call, x, packed, workspace)


def run_back(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor | None,
    weights: Weights,
    lengths: Tensor | None,
    workspace: Tensor,
    incoming: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Return the gradients of x, h, c and the weights; None where not wanted."""
    call = cpu.prepare(cell, x, h, c, weights, lengths)
    sources = (x, h, c, *weights)
    gradients = [
        torch.empty_like(source, memory_format=torch.contiguous_format) if want else None  # type: ignore[arg-type]
        for source, want in zip(sources, answered(sources, wanted), strict=True)
    ]
    dx, dh, dc, *d_weights = gradients
    incoming = [None if gradient is None else gradient.contiguous() for gradient in incoming]
    cpu.backward(cell, call, workspace, incoming, (dx, *d_weights, dh, dc))
    return gradients


def answered(sources: Sequence[Tensor | None], wanted: Sequence[bool]) -> list[bool]:
    """Return which gradients are computed: those of the weights all together or not at all."""
    wants = [*wanted[:3], *[any(wanted[3:])] * len(Weights._fields)]
    return [want and source is not None for want, source in zip(wants, sources, strict=True)]
