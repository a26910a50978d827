"""The compiled sparse product: float32 on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.sparse_rows.reference import Rows


def serves(*tensors: Tensor) -> bool:
    """Whether the compiled product can take such tensors here."""
    return all(v.dtype is torch.float32 and v.is_cpu for v in tensors) and native.library() is not None


def sparse_rows(matrix: Rows, x: Float[Tensor, "b n f"]) -> Float[Tensor, "b r f"]:
    """Return, for every example, the matrix times its nodes."""
    x, (batch, nodes, width), rows = native.plain(x), x.shape, len(matrix.starts) - 1
    if len(matrix.columns) and int(matrix.columns.max()) >= nodes:
        raise ShapeError(f"x has {nodes} nodes; the matrix reads node {int(matrix.columns.max())}")
    y = x.new_empty(batch, rows, width)
    run = native.function("sparse_rows", 5, 5)
    addresses = (v.data_ptr() for v in (*map(native.plain, matrix), x, y))
    run(batch, rows, nodes, width, torch.get_num_threads(), *addresses)
    return y
