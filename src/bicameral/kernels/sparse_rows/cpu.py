"""The compiled sparse product: float32 on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.sparse_rows.reference import Rows


def require_nodes(matrix: Rows, nodes: int) -> None:
    """Refuse a matrix that reads a node, or an entry, which is not there."""
    starts, columns, values = matrix
    native.require(torch.int32, starts=(starts, starts.shape), columns=(columns, columns.shape))
    native.require(torch.float32, values=(values, columns.shape))
    if len(columns) and _outside(columns, nodes - 1):
        last = int(columns.max())
        raise ShapeError(
            f"x has {nodes} nodes; the matrix reads node {last if last >= nodes else 'below zero'}"
        )
    if not len(starts) or _outside(starts, len(columns)):
        raise ShapeError(f"rows start at {starts.tolist()[:8]}; the matrix has {len(columns)} entries")


def _outside(places: Tensor, last: int) -> bool:
    least, most = torch.aminmax(places)
    return int(least) < 0 or int(most) > last


def sparse_rows(matrix: Rows, x: Float[Tensor, "b n f"]) -> Float[Tensor, "b r f"]:
    """Return, for every example, the matrix times its nodes."""
    x, (batch, nodes, width), rows = native.plain(x), x.shape, len(matrix.starts) - 1
    require_nodes(matrix, nodes)
    y = x.new_empty(batch, rows, width)
    run = native.function("sparse_rows", 5, 5)
    addresses = (v.data_ptr() for v in (*map(native.plain, matrix), x, y))
    run(batch, rows, nodes, width, torch.get_num_threads(), *addresses)
    return y
