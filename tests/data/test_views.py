"""Every kind can be read as every form, as the table of the module says, and padding reaches nobody."""

import numpy as np
import pytest
import torch

from bicameral.data.views import shape_as, time_axis, view_as
from bicameral.errors import ConfigError

SHAPES = {
    "image": (3, 10, 12),
    "clip": (11, 2, 20, 9),
    "sound": (9, 5),
    "text": (9, 5),
    "series": (9, 5),
}
# Written out by hand: the promise to everybody who builds a model.
PROMISE = {
    ("image", "map"): (3, 10, 12),
    ("image", "line"): (30, 12),
    ("image", "volume"): (3, 1, 10, 12),
    ("image", "sequence"): (10, 36),
    ("image", "frames"): (1, 3, 10, 12),
    ("clip", "map"): (16, 20, 9),
    ("clip", "line"): (288, 11),
    ("clip", "volume"): (2, 11, 20, 9),
    ("clip", "sequence"): (11, 288),
    ("clip", "frames"): (11, 2, 20, 9),
    ("sound", "map"): (1, 5, 9),
    ("sound", "line"): (5, 9),
    ("sound", "volume"): (1, 9, 5, 1),
    ("sound", "sequence"): (9, 5),
    ("sound", "frames"): (9, 1, 5, 1),
    ("text", "map"): (5, 1, 9),
    ("text", "line"): (5, 9),
    ("text", "volume"): (5, 9, 1, 1),
    ("text", "sequence"): (9, 5),
    ("text", "frames"): (9, 5, 1, 1),
    ("series", "map"): (5, 1, 9),
    ("series", "line"): (5, 9),
    ("series", "volume"): (5, 9, 1, 1),
    ("series", "sequence"): (9, 5),
    ("series", "frames"): (9, 5, 1, 1),
}
TIMED = [pair for pair in PROMISE if pair[0] != "image"]


def example_of(kind, num=3, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(num, *SHAPES[kind])))


@pytest.mark.parametrize(("kind", "form"), PROMISE)
def test_shapes_are_as_promised(kind, form):
    assert shape_as(SHAPES[kind], kind, form) == PROMISE[kind, form]
    seen, lengths = view_as(example_of(kind), None, kind, form)
    assert seen.shape == (3, *PROMISE[kind, form])
    assert lengths is None


@pytest.mark.parametrize(("kind", "form"), TIMED)
def test_padding_never_leaks(kind, form):
    lengths = torch.tensor([5, SHAPES[kind][0], 1])
    x = example_of(kind)
    for row, length in enumerate(lengths):
        x[row, length:] = torch.nan
    seen, kept = view_as(x, lengths, kind, form)
    assert seen.isfinite().all()
    axis = time_axis(kind, form)
    assert (kept is None) == (axis is None)
    for row, length in enumerate(lengths):
        alone, _ = view_as(x[row : row + 1, :length], None, kind, form)
        if axis is not None:
            assert kept.tolist() == lengths.tolist()
            steps = seen[row].movedim(axis - 1, 0)
            assert (steps[length:] == 0).all()
            seen_row = steps[:length].movedim(0, axis - 1)
        else:
            seen_row = seen[row]
        torch.testing.assert_close(seen_row, alone[0])
    assert x[0, 5:].isnan().all()  # the argument was not written to


@pytest.mark.parametrize(("kind", "form"), [pair for pair in PROMISE if pair[0] != "clip"])
def test_nothing_is_lost(kind, form):
    x = example_of(kind)
    seen, _ = view_as(x, None, kind, form)
    assert sorted(seen.flatten().tolist()) == sorted(x.flatten().tolist())


def test_a_picture_is_read_row_by_row():
    x = example_of("image")
    rows, _ = view_as(x, None, "image", "sequence")
    line, _ = view_as(x, None, "image", "line")
    columns, _ = view_as(x, None, "image", "sequence", "columns")
    pixels, _ = view_as(x, None, "image", "sequence", "pixels")
    for place in range(10):
        np.testing.assert_array_equal(rows[1, place], x[1, :, place, :].flatten())
        np.testing.assert_array_equal(columns[1, place], x[1, :, :, place].flatten())
        np.testing.assert_array_equal(line[1, :, place], x[1, :, :, place].flatten())
        np.testing.assert_array_equal(pixels[1, 12 * place + 3], x[1, :, place, 3])


@pytest.mark.parametrize(
    ("size", "side"), [((8, 8), 1), ((10, 12), 2), ((28, 28), 4), ((32, 32), 4), ((224, 224), 32)]
)
def test_a_picture_is_cut_into_patches(size, side):
    x = torch.from_numpy(np.random.default_rng(0).random((2, 3, *size)))
    patches, _ = view_as(x, None, "image", "sequence", "patches")
    across = -(-size[1] // side)
    assert patches.shape == (2, -(-size[0] // side) * across, 3 * side**2)
    assert patches.shape[1:] == shape_as((3, *size), "image", "sequence", "patches")
    for down, right in ((0, 0), (1, 2), (3, 1)):
        expected = x[1, :, down * side : (down + 1) * side, right * side : (right + 1) * side].flatten()
        np.testing.assert_array_equal(patches[1, down * across + right], expected)


def test_patches_are_filled_up_at_the_edges():
    patches, _ = view_as(torch.ones(1, 1, 17, 18), None, "image", "sequence", "patches")
    assert patches.shape == (1, 25, 16)
    assert patches.sum() == 17 * 18


def test_a_clip_as_a_map_is_eight_even_frames():
    number = torch.arange(11.0)[None, :, None, None, None].expand(2, 11, 2, 3, 3)
    seen, lengths = view_as(number, torch.tensor([11, 3]), "clip", "map")
    expected = [[int(np.floor(k * (n - 1) / 7 + 0.5)) for k in range(8)] for n in (11, 3)]
    assert lengths is None
    assert seen[:, ::2, 0, 0].tolist() == expected
    assert seen[:, 1::2, 2, 2].tolist() == expected


def test_frames_as_vectors_are_averaged_to_a_few_pixels():
    x = torch.from_numpy(np.random.default_rng(0).random((2, 3, 1, 32, 48)))
    seen, _ = view_as(x, None, "clip", "sequence")
    expected = x.numpy().reshape(2, 3, 16, 2, 16, 3).mean((3, 5)).reshape(2, 3, 256)
    np.testing.assert_allclose(seen, expected)
    line, _ = view_as(x, None, "clip", "line")
    np.testing.assert_allclose(line, expected.swapaxes(1, 2))


@pytest.mark.parametrize(("form", "order"), [("volume", (0, 2, 1, 3, 4)), ("frames", (0, 1, 2, 3, 4))])
def test_clips_keep_every_pixel(form, order):
    x = example_of("clip")
    np.testing.assert_array_equal(view_as(x, None, "clip", form)[0], x.numpy().transpose(order))


@pytest.mark.parametrize("kind", ["sound", "series"])
def test_time_and_channel_keep_their_meaning(kind):
    x = example_of(kind)
    for form, where in {"map": (0, 2) if kind == "sound" else (2, 0), "line": None}.items():
        seen, _ = view_as(x, None, kind, form)
        flat = seen if where is None else seen.flatten(1, 2)  # one of the two axes has size one
        np.testing.assert_array_equal(flat, x.numpy().swapaxes(1, 2))


def test_unknown_readings_are_named():
    with pytest.raises(ConfigError, match="did you mean 'patches'"):
        shape_as((3, 8, 8), "image", "sequence", "patch")
    with pytest.raises(ConfigError, match="not for series as sequence"):
        shape_as((9, 5), "series", "sequence", "patches")
