"""The native GRU on a graph equals its definition in double precision, outputs and gradients."""

import jaxtyping
import pytest
import torch

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.graph_gru import Adjacency, Weights, graph_gru
from bicameral.kernels.sparse_rows import compress

pytestmark = pytest.mark.skipif(native.library() is None, reason="no native library on this machine")
NODES, TERMS = 7, 3


def make_terms():
    """The node itself and two matrices, one with an empty row and an empty column."""
    generator = torch.Generator().manual_seed(0)
    others = torch.randn(TERMS - 1, NODES, NODES, generator=generator, dtype=torch.float64)
    others *= torch.rand(others.shape, generator=generator) < 0.4
    others[0, 2], others[0, :, 3] = 0, 0
    return torch.cat([torch.eye(NODES, dtype=torch.float64)[None], others])


def by_node(terms):
    return terms.transpose(0, 1).flatten(0, 1)


def adjacency():
    terms = make_terms().float()
    return Adjacency(compress(by_node(terms)), compress(by_node(terms.mT)))


def propagate(x):
    neighbours = torch.einsum("mij,...jf->...imf", make_terms()[1:].to(x.dtype), x)
    return neighbours.flatten(-2)


def make(batch=3, frames=5, inputs=2, width=20, dtype=torch.float32):
    """x, h and the weights."""
    generator = torch.Generator().manual_seed(batch + inputs + width)
    shapes = [(batch, frames, NODES, inputs), (batch, NODES, width), (TERMS * inputs, 3 * width)]
    shapes += [(TERMS * width, 2 * width), (TERMS * width, width), (3 * width,)]
    values = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    values[2:5] = [v / len(v) ** 0.5 for v in values[2:5]]
    return [v.to(dtype).requires_grad_() for v in values]


def run(values, lengths=None, *, natively=True):
    x, h, *weights = values
    return graph_gru(x, h, Weights(*weights), propagate, adjacency() if natively else None, lengths)


def outputs_and_gradients(values, lengths=None, *, natively=True):
    """Padding comes out as zero, which Recurrent.forward sees to where the definition runs."""
    y, last = run(values, lengths, natively=natively)
    if lengths is not None:
        y = y * (torch.arange(y.shape[1]) < lengths[:, None])[..., None, None]
    grads = [torch.linspace(-1, 1, v.numel(), dtype=v.dtype).view(v.shape) for v in (y, last)]
    return y, last, *torch.autograd.grad([y, last], values, grads)


def assert_equal_to_the_definition(lengths=None, **sizes):
    ours = outputs_and_gradients(make(**sizes), lengths)
    theirs = outputs_and_gradients(make(**sizes, dtype=torch.float64), lengths, natively=False)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(
            one.double(), other, rtol=1e-5, atol=1e-5 * float(other.detach().abs().max())
        )


@pytest.mark.parametrize("width", [1, 8, 16, 20, 64, 70])
@pytest.mark.parametrize("inputs", [1, 2, 70])
def test_equals_the_definition(width, inputs):
    assert_equal_to_the_definition(width=width, inputs=inputs)


@pytest.mark.parametrize("batch", [1, 10])
@pytest.mark.parametrize("frames", [1, 70])
def test_equals_the_definition_whatever_the_batch_and_the_frames(batch, frames):
    """More examples than groups; more frames than are neighbours at once."""
    assert_equal_to_the_definition(batch=batch, frames=frames)


def test_rows_that_have_ended_keep_their_state():
    assert_equal_to_the_definition(torch.tensor([5, 0, 2]))


def test_without_gradients_the_same_numbers():
    values = make()
    with torch.no_grad():
        assert all(map(torch.equal, run(values), run([v.detach() for v in values])))
    assert torch.equal(run(values)[0], run([v.detach() for v in values])[0])


def test_frames_without_a_gradient_get_none():
    x, *others = make()
    y, _ = run([x.detach(), *others])
    full = torch.autograd.grad(run([x, *others])[0].sum(), others)
    assert all(map(torch.equal, torch.autograd.grad(y.sum(), others), full))


def test_any_number_of_threads_gives_the_same_bits():
    values = make(batch=11)
    whole = outputs_and_gradients(values)
    torch.set_num_threads(2)
    try:
        again = outputs_and_gradients(values)
    finally:
        torch.set_num_threads(1)
    assert all(map(torch.equal, whole, again))


def test_a_missing_number_stays_in_its_example():
    values = [v.detach() for v in make()]
    clean, _ = run(values)
    values[0][1, 3, 0, 0] = torch.nan
    y, _ = run(values)
    assert y[1, 3:].isnan().any()
    for unhurt in ((0,), (2,), (1, slice(3))):
        assert torch.equal(y[unhurt], clean[unhurt])


@pytest.fixture
def as_users_run_it():
    """The checker of annotations, on in tests alone, would refuse first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("part", range(1, 6))
def test_refuses_tensors_that_do_not_fit(part):
    values = [v.detach() for v in make()]
    values[part] = values[part][..., :-1].contiguous()
    with pytest.raises(ShapeError, match="must be"):
        run(values)


@pytest.mark.usefixtures("as_users_run_it")
def test_refuses_another_graph():
    x, h, *others = [v.detach() for v in make()]
    with pytest.raises(ShapeError, match="8 nodes"):
        run([torch.cat([x, x[:, :, :1]], 2), h, *others])


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("lengths", [[-1, 2, 3], [1, 2, 6], [1, 2]])
def test_refuses_lengths_that_cannot_be(lengths):
    with pytest.raises(ShapeError, match="lengths are"):
        run([v.detach() for v in make()], torch.tensor(lengths))
