"""The native sparse product equals the dense one, outputs and gradients, however it is called."""

import inspect

import pytest
import torch

from bicameral.kernels import native
from bicameral.kernels.sparse_rows import compress, is_fast, reference, sparse_rows

needs_library = pytest.mark.skipif(native.library() is None, reason="no native library on this machine")
WIDTHS = (1, 5, 16, 17, 40, 70, 130)


def matrix(rows=11, nodes=7, dtype=torch.float32):
    """A matrix with an empty row, an empty column and a full row."""
    generator = torch.Generator().manual_seed(rows + nodes)
    values = torch.randn(rows, nodes, generator=generator, dtype=torch.float64)
    values *= torch.rand(rows, nodes, generator=generator) < 0.4
    values[2], values[:, 3], values[4] = 0, 0, 1
    return values.to(dtype)


def nodes_of(width, dtype=torch.float32):
    generator = torch.Generator().manual_seed(width)
    return torch.randn(3, 7, width, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def product(dense, x):
    return sparse_rows(compress(dense), compress(dense.T), x)


def output_and_gradient(run, x):
    y = run(x)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return y, *torch.autograd.grad((y * weights).sum(), x)


@pytest.mark.parametrize("width", WIDTHS)
def test_equals_the_dense_product(width):
    dense, x = matrix(), nodes_of(width)
    ours = output_and_gradient(lambda x: product(dense, x), x)
    theirs = output_and_gradient(lambda x: dense.double() @ x, nodes_of(width, torch.float64))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


def test_the_definition_equals_the_dense_product():
    dense, x = matrix(dtype=torch.float64), nodes_of(5, torch.float64)
    torch.testing.assert_close(reference.sparse_rows(compress(dense), x), dense @ x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_matrix_without_entries_gives_zeroes(dtype):
    y, gradient = output_and_gradient(
        lambda x: product(torch.zeros(4, 7, dtype=dtype), x), nodes_of(20, dtype)
    )
    assert y.shape == (3, 4, 20)
    assert not y.any()
    assert not gradient.any()


def test_is_differentiable_twice():
    dense, x = matrix(dtype=torch.float64), nodes_of(3, torch.float64)
    assert torch.autograd.gradcheck(lambda x: product(dense, x), x)
    assert torch.autograd.gradgradcheck(lambda x: product(dense, x).square(), x)


@needs_library
def test_serves_single_precision_on_the_processor():
    assert is_fast(nodes_of(16))
    assert not is_fast(nodes_of(16, torch.float64))


@needs_library
def test_views_and_inference_take_the_same_numbers():
    dense, x = matrix(), nodes_of(20).detach()
    expected = product(dense, x)
    assert torch.equal(product(dense, x.transpose(1, 2).contiguous().transpose(1, 2)), expected)
    assert torch.equal(product(dense, nodes_of(20)), expected)


@needs_library
def test_any_number_of_threads_gives_the_same_bits():
    dense, x = matrix(300, 7), nodes_of(70).detach().repeat(40, 1, 1).requires_grad_()
    whole = output_and_gradient(lambda x: product(dense, x), x)
    torch.set_num_threads(2)
    try:
        again = output_and_gradient(lambda x: product(dense, x), x)
    finally:
        torch.set_num_threads(1)
    assert all(map(torch.equal, whole, again))


@needs_library
def test_a_missing_number_reaches_its_neighbours_alone():
    dense, x = matrix(), nodes_of(20).detach()
    x[1, 0, 7] = torch.nan
    reached = product(dense, x).isnan()
    assert reached[1, :, 7].tolist() == (dense[:, 0] != 0).tolist()
    assert reached.sum() == (dense[:, 0] != 0).sum()


# The compiler cannot see through the checks of shapes that the tests switch on; unwrap takes them off.
@needs_library
def test_compiles_into_one_graph():
    rows, back = compress(matrix()), compress(matrix().T)
    plain = inspect.unwrap(sparse_rows)
    whole = torch.compile(lambda x: plain(rows, back, x), fullgraph=True, backend="aot_eager")
    ours, theirs = (output_and_gradient(run, nodes_of(20)) for run in (whole, lambda x: plain(rows, back, x)))
    assert all(map(torch.equal, ours, theirs))
