"""Gated recurrent cells over whole sequences: LSTM, GRU, RNN and their relatives.

Outputs and gradients have no second derivatives on the native path.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.gated import fused, operator, reference
from bicameral.kernels.gated.cells import CELLS, Cell
from bicameral.kernels.gated.packed import Packed
from bicameral.kernels.gated.recurrence import Recurrence, run
from bicameral.kernels.gated.reference import State, Weights
from bicameral.kernels.lengths import checked

__all__ = ["CELLS", "Cell", "Packed", "Weights", "gated"]


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
    cell, compiling = CELLS[name], torch.compiler.is_compiling()
    watched = native.is_watched()
    if x.dim() != 3 or len(state) != cell.num_states:
        raise ShapeError(
            f"{name} carries {cell.num_states} states, and x must be (rows, frames, inputs); "
            f"{len(state)} states and x {tuple(x.shape)} were given"
        )
    if type(lengths) is Tensor and not (compiling or watched or native.must_be_plain()):
        lengths = checked(lengths, *x.shape[:2])
    if not x.shape[1]:
        return reference.scan(cell.step, x, state, weights, lengths)
    if not _fits_native((x, *state, *weights), compiling or watched):
        if fused.knows(name, weights) and not watched:
            return fused.scan(name, x, state, weights, lengths)
        return reference.scan(cell.step, x, state, weights, lengths)
    h, c = state if cell.num_states == 2 else (state[0], None)
    needed = torch.is_grad_enabled() and _learning((x, *state, *weights))
    if compiling or watched:
        y, *last, _ = operator.gated(name, needed, lengths, x, h, c, *weights)
    elif needed:
        y, *last = Recurrence.apply(cell, lengths, _rows(x), _rows(h), _rows(c), *weights)  # type: ignore[misc]
    else:
        y, *last = run(cell, _rows(x), _rows(h), _rows(c), weights, lengths)
    return y, tuple(last[: cell.num_states])


def _rows(x: Any) -> Any:
    return x if x is None or x.stride(-1) == 1 else x.contiguous()


def _fits_native(tensors: tuple[Tensor | None, ...], as_operator: bool) -> bool:
    if (
        native.library() is None
        or torch.compiler.is_exporting()
        or torch._C._are_functorch_transforms_active()
    ):
        return False
    for tensor in tensors:  # written out: this is a good part of what a call costs
        if tensor is None:
            continue
        if tensor.dtype is not torch.float32 or not tensor.is_cpu or not tensor.numel():
            return False
        if not as_operator and type(tensor) is not Tensor and type(tensor) is not nn.Parameter:
            return False
    return all(weight is None or weight.is_contiguous() for weight in tensors[-len(Weights._fields) :])


def _learning(tensors: tuple[Tensor | None, ...]) -> bool:
    return any(tensor is not None and tensor.requires_grad for tensor in tensors)
