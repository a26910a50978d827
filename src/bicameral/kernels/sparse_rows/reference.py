"""What a sparse product over nodes is: the readable definition every faster path must equal."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Rows(NamedTuple):
    """A sparse matrix by its rows: entry k, `starts[r] <= k < starts[r + 1]`, stands in row r."""

    starts: Int[Tensor, "r1"]  # one more than there are rows
    columns: Int[Tensor, "k"]
    values: Float[Tensor, "k"]


def compress(matrix: Float[Tensor, "r n"]) -> Rows:
    """Return the entries that are not zero."""
    rows, columns = matrix.nonzero(as_tuple=True)
    ends = torch.bincount(rows, minlength=len(matrix)).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends])
    return Rows(starts.int(), columns.int(), matrix[rows, columns])


def sparse_rows(matrix: Rows, x: Float[Tensor, "b n f"]) -> Float[Tensor, "b r f"]:
    """Return, for every example, the matrix times its nodes."""
    counts = matrix.starts.diff()
    rows = torch.arange(len(counts), device=x.device).repeat_interleave(counts)
    terms = x[:, matrix.columns] * matrix.values[:, None]
    return terms.new_zeros(len(x), len(counts), x.shape[2]).index_add(1, rows, terms)
