"""The gated cells by the native library: float32 on a CPU."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.gated.cells import CELLS, Cell
from bicameral.kernels.gated.reference import Weights
from bicameral.kernels.native.interface import require_equal, require_structure

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
    """Fill in what forward and backward passes share, if everything fits; `lengths` have been checked."""
    if weights.w_h.dim() != 2:
        _refuse(cell, x, h, c, weights)
    (rows, frames, inputs), (height, outputs) = x.shape, weights.w_h.shape
    units = height // cell.num_state_gates
    if not _fit(cell, x.shape, h, c, weights, units):
        _refuse(cell, x, h, c, weights)
    return Call(
        rows,
        frames,
        inputs,
        units,
        outputs,
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


def _fit(cell: Cell, shape: torch.Size, h: Tensor, c: Tensor | None, weights: Weights, units: int) -> bool:
    """Whether every tensor has the size that the kernel will read; written out, as it costs at every call."""
    w_x, w_h, b_x, b_h, extra = weights
    (rows, _, inputs), (height, outputs) = shape, w_h.shape
    gates, wanted = cell.num_input_gates * units, cell.extra_shape(units, outputs)
    return (
        h.shape == (rows, outputs)
        and (c is None or c.shape == (rows, units))
        and (height == cell.num_state_gates * units)
        and (units == outputs or cell.projects)
        and (inputs == gates if w_x is None else w_x.shape == (gates, inputs))
        and (b_x is None or b_x.shape == (gates,))
        and (b_h is None or b_h.shape == (height,))
        and (wanted is None or (extra is not None and extra.shape == wanted))
    )


def _refuse(cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, weights: Weights) -> NoReturn:
    """Name a tensor that does not fit; what the weights of the state are decides about the others."""
    w_x, w_h, b_x, b_h, extra = weights
    if w_h.dim() != 2:
        raise ShapeError(f"w_h is {tuple(w_h.shape)}; it must be (units of all gates, outputs)")
    outputs = w_h.shape[1]
    units = w_h.shape[0] // cell.num_state_gates if cell.projects else outputs
    gates, wanted = cell.num_input_gates * units, cell.extra_shape(units, outputs)
    if wanted is not None and extra is None:
        raise ShapeError(f"{cell.name} needs extra weights {wanted}; none were given")
    inputs = gates if w_x is None else w_x.shape[-1]
    shapes = {"w_h": (w_h, (cell.num_state_gates * units, outputs)), "w_x": (w_x, (gates, inputs))}
    shapes |= {"b_x": (b_x, (gates,)), "b_h": (b_h, (len(w_h),)), "x": (x, (*x.shape[:2], inputs))}
    shapes |= {"h": (h, (x.shape[0], outputs)), "c": (c, (x.shape[0], units))}
    if wanted is not None:
        shapes["extra"] = (extra, wanted)
    native.require(x.dtype, **{name: (v, shape) for name, (v, shape) in shapes.items() if v is not None})
    raise AssertionError(f"nothing is wrong with {cell.name} of {shapes}")


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


def workspace_size(cell: Cell, rows: int, frames: int, units: int, outputs: int) -> int:
    """Floats that a forward pass must keep for its backward pass: gates of every frame, states around it."""
    lanes, slots = _library().gated_lanes(), _library().gated_slots(cell.number)
    padded = _padded(units, lanes)
    states = _padded(outputs, lanes) + (padded if cell.num_states == 2 else 0)
    return rows * (frames * slots * padded + (frames + 1) * states)


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
    require_structure(library, "gated_call", Call)
    require_equal("the table of gated cells", _described(library), [_facts(cell) for cell in CELLS.values()])
    library.gated_packed_size.restype = ctypes.c_int64
    return library


def _described(library: Any) -> list[tuple]:
    """Return what the library says of every cell."""
    library.gated_cell.restype, library.gated_cell.argtypes = (
        ctypes.c_char_p,
        [ctypes.c_long, ctypes.c_void_p],
    )
    facts, found = (ctypes.c_long * 5)(), []
    while name := library.gated_cell(len(found), facts):
        found.append((name.decode(), *facts))
    return found


def _facts(cell: Cell) -> tuple:
    return (
        cell.name,
        cell.num_states,
        cell.num_input_gates,
        cell.num_state_gates,
        cell.num_extra,
        int(cell.projects),
    )
