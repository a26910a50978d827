"""A sparse matrix times the nodes of every example; its gradient is the same product with the transpose."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.sparse_rows import cpu, reference
from bicameral.kernels.sparse_rows.reference import Rows, compress

__all__ = ["Rows", "compress", "is_fast", "sparse_rows"]


def is_fast(x: Tensor) -> bool:
    """Whether the product is compiled for such nodes, and so faster than a dense one."""
    return not native.must_be_plain() and native.serves(x)


def sparse_rows(matrix: Rows, transposed: Rows, x: Float[Tensor, "b n f"]) -> Float[Tensor, "b r f"]:
    """Return, for every example, the matrix times its nodes; `matrix` itself is constant."""
    if native.must_be_plain() or not native.serves(matrix.values, x):
        return reference.sparse_rows(matrix, x)
    if native.must_be_operator(x):
        return _operator(*matrix, *transposed, x)
    if torch.is_grad_enabled() and x.requires_grad:
        return _Product.apply(matrix, transposed, x)
    return cpu.sparse_rows(matrix, x)


class _Product(torch.autograd.Function):
    """For eager calls: an operator of PyTorch costs several times as much a call."""

    @staticmethod
    def forward(ctx: Any, matrix: Rows, transposed: Rows, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.matrix, ctx.transposed = matrix, transposed
        return cpu.sparse_rows(matrix, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        return None, None, sparse_rows(ctx.transposed, ctx.matrix, grad)


@torch.library.custom_op(
    "bicameral::sparse_rows",
    mutates_args=(),
    schema="(Tensor starts, Tensor columns, Tensor values, "
    "Tensor back_starts, Tensor back_columns, Tensor back_values, Tensor x) -> Tensor",
)
def _operator(starts, columns, values, back_starts, back_columns, back_values, x):  # noqa: ARG001
    return cpu.sparse_rows(Rows(starts, columns, values), x)


@_operator.register_fake
def _(starts, columns, values, back_starts, back_columns, back_values, x):  # noqa: ARG001
    return x.new_empty(x.shape[0], starts.shape[0] - 1, x.shape[2])


def _save(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(*inputs[3:6], *inputs[:3])


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return *[None] * 6, _operator(*ctx.saved_tensors, grad)


_operator.register_autograd(_backward, setup_context=_save)
