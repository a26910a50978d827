"""A kernel is given addresses: whatever does not fit must be refused before."""

import jaxtyping
import pytest
import torch

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.gated import Weights, gated
from bicameral.kernels.linear_scan import linear_scan
from bicameral.kernels.relu_scan import relu_scan
from bicameral.kernels.rg_lru import rg_lru
from bicameral.kernels.rms_norm import rms_norm
from bicameral.kernels.slstm import slstm
from bicameral.kernels.sparse_rows import compress, sparse_rows

pytestmark = pytest.mark.skipif(native.library() is None, reason=native.path())
B, T, D = 2, 5, 16

KERNELS = {
    "linear_scan": (linear_scan, [(B, T, D), (B, T, D), (B, D)]),
    "rg_lru": (rg_lru, [(B, T, D), (B, T, D), (B, T, D), (D,), (B, D)]),
    "relu_scan": (relu_scan, [(D,), (B, T, D), (B, D)]),
    "rms_norm": (rms_norm, [(B, T, D), (D,)]),
    "slstm": (slstm, [(B, T, 4, 2, 8), (2, 8, 32), (B, 2, 8), (B, 2, 8), (B, 2, 8), (B, 2, 8)]),
}
MISFITS = [(name, place) for name, (_, shapes) in KERNELS.items() for place in range(len(shapes))]


def ones(shapes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    return [torch.ones(shape) for shape in shapes]


@pytest.fixture(autouse=True)
def _as_users_run_it():
    """The checker of annotations, on in tests alone, would refuse first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(("name", "place"), MISFITS)
def test_a_tensor_of_another_length_is_refused(name, place):
    kernel, shapes = KERNELS[name]
    kernel(*ones(shapes))
    longer = [list(shape) for shape in shapes]
    longer[place][-1] += 1
    with pytest.raises(ShapeError, match="must be"):
        kernel(*ones(longer))


def test_a_state_of_another_type_is_refused():
    a, x, h = ones(KERNELS["linear_scan"][1])
    with pytest.raises(ShapeError, match="h is float64"):
        linear_scan(a, x, h.double())


def test_a_graph_of_more_nodes_is_refused():
    matrix = compress(torch.ones(4, 4))
    with pytest.raises(ShapeError, match="3 nodes"):
        sparse_rows(matrix, matrix, torch.ones(B, 3, 2))


MATRIX = compress(torch.ones(4, 3))
BROKEN = {
    "no such node": MATRIX._replace(columns=MATRIX.columns + 1),
    "node below zero": MATRIX._replace(columns=MATRIX.columns - 1),
    "no such entry": MATRIX._replace(starts=MATRIX.starts + 1),
    "entry below zero": MATRIX._replace(starts=MATRIX.starts - 1),
    "too few values": MATRIX._replace(values=MATRIX.values[:-1]),
    "wide numbers": MATRIX._replace(columns=MATRIX.columns.long()),
    "no rows": MATRIX._replace(starts=MATRIX.starts[:0]),
}


@pytest.mark.parametrize("matrix", BROKEN.values(), ids=BROKEN)
def test_a_matrix_that_reads_what_is_not_there_is_refused(matrix):
    with pytest.raises(ShapeError):
        sparse_rows(matrix, MATRIX, torch.ones(B, 3, 2))


GATED = {"x": (B, T, 3), "h": (B, 8), "c": (B, 8)}


@pytest.mark.parametrize("name", GATED)
def test_a_gated_cell_refuses_what_does_not_fit_its_weights(name):
    shapes = GATED | {name: (*GATED[name][:-1], GATED[name][-1] + 1)}
    x, h, c = ones(list(shapes.values()))
    weights = Weights(*ones([(32, 3), (32, 8), (32,), (32,)]))
    with pytest.raises(ShapeError, match=f"{name} is"):
        gated("lstm", x, (h, c), weights)


@pytest.mark.parametrize("place", range(3))
def test_a_projected_cell_refuses_what_does_not_fit_its_weights(place):
    shapes = [(B, 4), (B, 8), (4, 8)]
    shapes[place] = (shapes[place][0], shapes[place][1] + 1)
    h, c, extra = ones(shapes)
    weights = Weights(*ones([(32, 3), (32, 4), (32,), (32,)]), extra)
    with pytest.raises(ShapeError, match=f"{('h', 'c', 'extra')[place]} is"):
        gated("projected_lstm", torch.ones(B, T, 3), (h, c), weights)


def test_lengths_beyond_the_last_frame_are_refused():
    x, h, c = ones(list(GATED.values()))
    weights = Weights(*ones([(32, 3), (32, 8), (32,), (32,)]))
    with pytest.raises(ShapeError, match="from 0 to 5"):
        gated("lstm", x, (h, c), weights, torch.tensor([6, 5]))
