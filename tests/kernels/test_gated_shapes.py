"""What does not fit a gated cell is refused by name; nothing but what fits reaches an address."""

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.gated import CELLS, Weights, gated

pytestmark = pytest.mark.skipif(native.library() is None, reason=native.path())
B, T, D, E, SHOWN = 2, 5, 3, 8, 6
EXTRAS = {"peephole_lstm": 3, "layer_norm_lstm": 6}
PARTS = ("x", "h", "c", *Weights._fields)


@pytest.fixture(autouse=True, scope="module")
def _as_users_run_it():
    """The checker of annotations, on in tests alone, would refuse first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def shapes_of(name, projected=False):
    """The shape of every part that the cell takes; the input is projected by the caller where asked."""
    cell = CELLS[name]
    gates, shown = cell.num_input_gates * E, SHOWN if cell.projects else E
    shapes = {"x": (B, T, gates if projected else D), "h": (B, shown), "c": (B, E)}
    shapes |= {"w_x": (gates, D), "w_h": (cell.num_state_gates * E, shown), "b_x": (gates,)}
    shapes |= {"b_h": (cell.num_state_gates * E,)}
    if name in EXTRAS or cell.projects:
        shapes["extra"] = (shown if cell.projects else EXTRAS[name], E)
    absent = ({"c"} if cell.num_states == 1 else set()) | ({"w_x"} if projected else set())
    return {part: shape for part, shape in shapes.items() if part not in absent}


def call(name, shapes, lengths=None, learns=False):
    parts = {part: torch.full(shape, 0.1, requires_grad=learns) for part, shape in shapes.items()}
    state = tuple(parts[part] for part in ("h", "c") if part in parts)
    weights = Weights(*(parts.get(part) for part in Weights._fields))
    return gated(name, parts["x"], state, weights, lengths)


CASES = [
    (name, projected, part)
    for name in CELLS
    for projected in (False, True)
    for part in shapes_of(name, projected)
]


@pytest.mark.parametrize(("name", "projected", "part"), CASES)
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_part_of_another_size_is_refused_by_name(name, projected, part, axis, change):
    shapes = shapes_of(name, projected)
    call(name, shapes)
    wrong = list(shapes[part])
    wrong[axis] += change
    for learns in (False, True):
        with pytest.raises(ShapeError, match="must be"):
            call(name, shapes | {part: tuple(wrong)}, learns=learns)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_only_what_fits_is_computed(data):
    name, projected, part = data.draw(st.sampled_from(CASES))
    shapes = shapes_of(name, projected)
    size = st.integers(1, 40)
    given_shape = data.draw(st.lists(size, min_size=1, max_size=4).map(tuple))
    if given_shape == shapes[part]:
        return
    if part == "x" and len(given_shape) == 3 and given_shape[0] == B and given_shape[2] == shapes["x"][2]:
        return  # any number of frames will do
    with pytest.raises(ShapeError, match="must be"):
        call(name, shapes | {part: given_shape})


@pytest.mark.parametrize("name", [*EXTRAS, "projected_lstm"])
def test_a_missing_part_is_named(name):
    shapes = shapes_of(name)
    del shapes["extra"]
    with pytest.raises(ShapeError, match=f"{name} needs extra"):
        call(name, shapes)


@pytest.mark.parametrize("name", CELLS)
def test_the_number_of_states_is_that_of_the_cell(name):
    shapes = shapes_of(name)
    others = {part: shape for part, shape in shapes.items() if part != "c"}
    if "c" not in shapes:
        others["c"] = (B, E)
    with pytest.raises(ShapeError, match=f"{name} carries {CELLS[name].num_states}"):
        call(name, others)


LENGTHS = {
    "beyond the end": [6, 5],
    "below zero": [-5, 3],
    "too few": [5],
    "too many": [5, 5, 5],
    "not whole": [2.5, 3.0],
    "no list": 5,
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["lstm", "gru", "coupled_lstm", "reset_before_gru"])
def test_lengths_that_cannot_be_are_refused(name, dtype, lengths):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with pytest.raises(ShapeError, match="lengths"):
            call(name, shapes_of(name), torch.tensor(lengths))
    finally:
        torch.set_default_dtype(before)
