"""The gated cells by the native library: float32 on a CPU."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.gated.cells import Cell
from bicameral.kernels.gated.reference import Weights

_COUNTS = ("rows", "frames", "inputs", "units", "outputs", "threads")
_BEFORE = ("x", "x_row", "x_frame", "lengths", "h", "c", "h_row", "c_row", *Weights._fields, "packed")
_AFTER = ("y", "h_last", "c_last", "workspace")
_GRADIENTS = ("dy", "dh_last", "dc_last", "dx", "dw_x", "dw_h", "db_x", "db_h", "d_extra", "dh", "dc")
_NUMBERS = {*_COUNTS, "x_row", "x_frame", "h_row", "c_row"}


class Call(ctypes.Structure):
    """What `gated_call.hpp` calls so, field by field: counts, and addresses or None."""

    _fields_ = tuple(
        (name, ctypes.c_int64 if name in _NUMBERS else ctypes.c_void_p)
        for name in (*_COUNTS, *_BEFORE, *_AFTER, *_GRADIENTS)
    )


def prepare(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, weights: Weights, lengths: Tensor | None
) -> Call:
    """Fill in what forward and backward passes share."""
    rows, frames, inputs = x.shape
    units = _require(cell, x, h, c, weights, lengths)
    return Call(
        rows,
        frames,
        inputs,
        units,
        h.shape[1],
        torch.get_num_threads(),
        x.data_ptr(),
        x.stride(0),
        x.stride(1),
        _address(lengths),
        h.data_ptr(),
        _address(c),
        h.stride(0),
        0 if c is None else c.stride(0),
        *[None if weight is None else weight.data_ptr() for weight in weights],
    )


def _require(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, weights: Weights, lengths: Tensor | None
) -> int:
    """Return the number of units, if everything fits the weights."""
    (rows, frames, inputs), (height, outputs) = x.shape, weights.w_h.shape
    units = height // cell.num_state_gates
    if h.shape != (rows, outputs) or (c is not None and c.shape != (rows, units)):
        native.require(x.dtype, h=(h, (rows, outputs)), c=(h if c is None else c, (rows, units)))
    if cell.projects and weights.extra is not None:
        native.require(x.dtype, extra=(weights.extra, (outputs, units)))
    if weights.w_x is not None and weights.w_x.shape[1] != inputs:
        native.require(x.dtype, x=(x, (rows, frames, weights.w_x.shape[1])))
    if lengths is not None and (lengths.shape != (rows,) or int(lengths.max()) > frames):
        raise ShapeError(
            f"lengths are {lengths.tolist()}; expected one of at most {frames} a row, {rows} in all"
        )
    return units


def forward(
    cell: Cell, call: Call, x: Tensor, packed: Tensor, workspace: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return every output and the last h and c (empty where the cell has none)."""
    y = x.new_empty(call.rows, call.frames, call.outputs)
    h = x.new_empty(call.rows, call.outputs)
    c = x.new_empty(call.rows if cell.num_states == 2 else 0, call.units)
    call.packed, call.workspace = packed.data_ptr(), _address(workspace)
    call.y, call.h_last, call.c_last = y.data_ptr(), h.data_ptr(), c.data_ptr()
    _library().gated_forward(cell.number, ctypes.byref(call))
    return y, h, c


def backward(
    cell: Cell,
    call: Call,
    workspace: Tensor,
    incoming: Sequence[Tensor | None],
    outgoing: Sequence[Tensor | None],
) -> None:
    """Fill the gradients of x, weights and states, given those of the outputs and last states."""
    call.workspace = workspace.data_ptr()
    for name, tensor in zip(_GRADIENTS, (*incoming, *outgoing), strict=True):
        setattr(call, name, _address(tensor))
    _library().gated_backward(cell.number, ctypes.byref(call))


def workspace_size(cell: Cell, x: Tensor, h: Tensor, c: Tensor | None) -> int:
    """Floats that a forward pass must keep for its backward pass: gates of every frame, states around it."""
    lanes, slots = _library().gated_lanes(), _library().gated_slots(cell.number)
    (rows, frames, _), last = x.shape, h if c is None else c
    states = sum(_padded(v.shape[1], lanes) for v in (h, c) if v is not None)
    return rows * (frames * slots * _padded(last.shape[1], lanes) + (frames + 1) * states)


def _padded(count: int, lanes: int) -> int:
    return -(-count // lanes) * lanes


def pack(cell: Cell, call: Call, like: Tensor) -> Tensor:
    """Return the weights in the order in which the kernel reads them."""
    packed = like.new_empty(_library().gated_packed_size(cell.number, ctypes.byref(call)))
    call.packed = packed.data_ptr()
    _library().gated_pack(cell.number, ctypes.byref(call))
    return packed


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


@functools.cache
def _library() -> Any:
    """Return the native library, which the caller knows to be there."""
    library: Any = native.library()
    library.gated_packed_size.restype = ctypes.c_int64
    return library
