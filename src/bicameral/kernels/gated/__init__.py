"""Gated recurrent cells over whole sequences: LSTM, GRU, RNN and their relatives.

Outputs and gradients have no second derivatives on the native path.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.kernels import native
from bicameral.kernels.gated import fused, operator, reference
from bicameral.kernels.gated.cells import CELLS, Cell
from bicameral.kernels.gated.recurrence import Recurrence, run
from bicameral.kernels.gated.reference import State, Weights

__all__ = ["CELLS", "Cell", "Weights", "gated"]


def gated(
    name: str,
    x: Float[Tensor, "b t d"],
    state: State,
    weights: Weights,
    lengths: Int[Tensor, "b"] | None = None,
) -> tuple[Float[Tensor, "b t e"], State]:
    """Return every output of the cell `name` and its last state; a row that has ended keeps its state.

    Without `w_x`, x is what every gate gets from the input, in PyTorch's order of gates.
    """
    cell = CELLS[name]
    if not _fits_native(x, state, weights):
        if name in fused.OPERATORS and weights.w_x is not None and (weights.b_x is None) == (weights.b_h is None):
            return fused.scan(name, x, state, weights, lengths)
        return reference.scan(cell, x, state, weights, lengths)
    if lengths is not None:
        lengths = lengths.to(torch.int64).contiguous()
    h, c = state if cell.num_states == 2 else (state[0], None)
    needed = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, *state, *weights))
    if torch.compiler.is_compiling():
        y, *last, _ = operator.gated(name, needed, lengths, x, h, c, *weights)
    elif needed:
        y, *last = Recurrence.apply(cell, lengths, *map(_rows, (x, h, c)), *weights)  # type: ignore[misc]
    else:
        y, *last = run(cell, *map(_rows, (x, h, c)), weights, lengths)  # type: ignore[arg-type]
    return y, tuple(last[: cell.num_states])


def _rows(x: Tensor | None) -> Tensor | None:
    return x if x is None or x.stride(-1) == 1 else x.contiguous()


def _fits_native(x: Tensor, state: State, weights: Weights) -> bool:
    tensors = (x, *state, *weights)
    return (
        native.library() is not None
        and not torch.compiler.is_exporting()
        and x.numel() > 0
        and all(t is None or (t.dtype is torch.float32 and t.device.type == "cpu") for t in tensors)
        and all(t is None or t.is_contiguous() for t in weights)
        and (torch.compiler.is_compiling() or all(t is None or type(t) in (Tensor, nn.Parameter) for t in tensors))
        and not torch._C._are_functorch_transforms_active()
    )
