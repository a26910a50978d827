"""Augmentation changes what it says, within its bounds, and leaves padding, shape and type alone."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from bicameral.data.augment import DEFAULTS, MENUS, for_kind, frames, pictures
from bicameral.errors import ConfigError

SHAPES = {"image": (3, 16, 12), "clip": (10, 1, 16, 12), "sound": (40, 20), "series": (20, 3)}
ALL = [(kind, name) for kind, menu in MENUS.items() for name in menu]
TIMED = [pair for pair in ALL if pair[0] != "image"]


def batch_of(kind, num=8):
    rng = np.random.default_rng(0)
    if kind == "text":
        return torch.from_numpy(rng.integers(2, 50, (num, 40)))
    return torch.from_numpy(rng.normal(size=(num, *SHAPES[kind])).astype(np.float32))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_shape_and_type_stay_and_the_argument_too(kind, name):
    x = batch_of(kind)
    before = x.clone()
    changed = for_kind(kind, [name])(x, None, generator())
    assert (changed.shape, changed.dtype) == (x.shape, x.dtype)
    assert not torch.equal(changed, x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_the_same_generator_gives_the_same_batch(kind, name):
    x, change = batch_of(kind), for_kind(kind, [name])
    assert torch.equal(change(x, None, generator(1)), change(x, None, generator(1)))
    assert not torch.equal(change(x, None, generator(1)), change(x, None, generator(2)))


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_rows_change_independently(kind, name):
    x = batch_of(kind, 1).expand(8, *batch_of(kind).shape[1:])
    changed = for_kind(kind, [name])(x, None, generator())
    assert len({row.numpy().tobytes() for row in changed}) > 1


@pytest.mark.parametrize(("kind", "name"), TIMED)
def test_padding_is_neither_read_nor_changed(kind, name):
    x = batch_of(kind)
    num_frames = x.shape[1]
    lengths = torch.tensor([num_frames, 1, 2, 5, 7, 3, num_frames - 1, 4])
    padding = torch.arange(num_frames) >= lengths[:, None]
    zeros, sevens = x.clone(), x.clone()
    zeros[padding], sevens[padding] = 0, 7
    change = for_kind(kind, [name])
    changed, other = (change(some, lengths, generator()) for some in (zeros, sevens))
    assert (changed[padding] == 0).all()
    assert (other[padding] == 7).all()
    assert torch.equal(changed[~padding], other[~padding])


def test_a_shifted_picture_is_moved_with_its_edge_repeated():
    x = batch_of("image", 32)
    changed = for_kind("image", ["shift"])(x, None, generator())
    for before, after in zip(x.numpy(), changed.numpy(), strict=True):
        padded = np.pad(before, ((0, 0), (2, 2), (2, 2)), mode="edge")
        moves = [padded[:, dy : dy + 16, dx : dx + 12] for dy in range(5) for dx in range(5)]
        assert any(np.array_equal(after, moved) for moved in moves)


def test_a_flipped_picture_is_its_mirror_half_of_the_time():
    x = batch_of("image", 200)
    changed = for_kind("image", ["flip"])(x, None, generator())
    mirrored = [torch.equal(after, before.flip(-1)) for before, after in zip(x, changed, strict=True)]
    same = [torch.equal(after, before) for before, after in zip(x, changed, strict=True)]
    assert sum(mirrored) + sum(same) == 200
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize("kind", ["image", "clip"])
def test_nothing_is_mirrored_unless_asked_for(kind):
    assert "flip" in MENUS[kind]
    assert "flip" not in DEFAULTS[kind]


def test_a_turned_picture_keeps_its_angles(monkeypatch):
    """Against scipy, on a picture that is not square, where a careless rotation shears."""
    angle, zoom = 0.1, -0.05
    drawn = torch.tensor([[angle / pictures.ANGLE, zoom / pictures.ZOOM]])
    monkeypatch.setattr(pictures, "uniform", lambda *_, **__: drawn)
    x = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(40, 20)), 2).astype(np.float32)
    changed = for_kind("image", ["rotate"])(torch.from_numpy(x)[None, None], None, generator())[0, 0]
    turn = (1 + zoom) * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([19.5, 9.5])
    expected = ndimage.affine_transform(x, turn, centre - turn @ centre, order=1, mode="nearest")
    np.testing.assert_allclose(changed, expected, atol=1e-4)


def test_a_cutout_is_one_rectangle_of_zeros():
    changed = for_kind("image", ["cutout"])(torch.ones(50, 2, 16, 12), None, generator())
    for row in changed:
        rows, columns = torch.where(row[0] == 0)
        assert torch.equal(row[0], row[1])
        assert len(rows) == 4 * 3 == (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)


@pytest.mark.parametrize("name", ["shift", "rotate", "cutout", "flip"])
def test_all_frames_of_a_clip_change_alike(name):
    clip = batch_of("clip")[:, :1].expand(-1, 6, -1, -1, -1)
    changed = for_kind("clip", [name])(clip, None, generator())
    assert torch.equal(changed, changed[:, :1].expand_as(changed))


@pytest.mark.parametrize(
    ("kind", "name", "farthest"), [("clip", "jitter", 1), ("sound", "shift", 5), ("series", "crop", 8)]
)
def test_time_stays_in_order_and_near(kind, name, farthest):
    number = torch.arange(40.0).reshape(40, *[1] * (len(SHAPES[kind]) - 1))
    x = number.expand(16, 40, *SHAPES[kind][1:])
    changed = for_kind(kind, [name])(x, None, generator()).flatten(2)[:, :, 0]
    assert (changed.diff(dim=1) >= 0).all()
    assert 0 < (changed - torch.arange(40.0)).abs().max() <= farthest


@pytest.mark.parametrize(("name", "axis"), [("time_mask", 0), ("band_mask", 1)])
def test_a_mask_is_one_bounded_run(name, axis):
    changed = for_kind("sound", [name])(torch.ones(60, 40, 20), None, generator())
    widths = []
    for row in changed:
        masked = torch.where((row == 0).all(1 - axis))[0]
        widths.append(len(masked))
        assert (row == 0).sum() == len(masked) * row.shape[1 - axis]
        assert len(masked) == 0 or masked[-1] - masked[0] + 1 == len(masked)
    assert max(widths) == (5 if axis == 0 else 2)  # just below 15 % of 40 frames, of 20 bands


def test_noise_and_scale_have_their_deviations():
    x = torch.ones(200, 50, 3)
    noisy = for_kind("series", ["jitter"])(x, None, generator())
    assert noisy.std().item() == pytest.approx(frames.NOISE, rel=0.05)
    scaled = for_kind("series", ["scale"])(x, None, generator())
    torch.testing.assert_close(scaled, scaled[:, :1].expand_as(scaled))
    assert scaled[:, 0].std().item() == pytest.approx(frames.SCALE, rel=0.1)


def test_dropped_tokens_are_unknown_and_padding_stays_padding():
    x = torch.full((100, 100), 7)
    x[:, 90:] = 0
    changed = for_kind("text", ["dropout"])(x, None, generator())
    assert set(changed[:, :90].unique().tolist()) == {1, 7}
    assert (changed[:, :90] == 1).float().mean().item() == pytest.approx(frames.DROPPED, rel=0.1)
    assert (changed[:, 90:] == 0).all()


def test_changes_are_applied_in_the_order_of_the_menu():
    x, both = batch_of("series"), for_kind("series", ["scale", "shift"])
    source = generator()
    scaled = for_kind("series", ["scale"])(x, None, source)
    assert torch.equal(for_kind("series", ["shift"])(scaled, None, source), both(x, None, generator()))


def test_an_unknown_change_is_named():
    with pytest.raises(ConfigError, match=r"no image augmentation called 'rotat'; did you mean 'rotate'"):
        for_kind("image", ["rotat"])


def test_a_task_takes_only_changes_that_leave_its_answers_true():
    assert for_kind("series", None, ["jitter"]).changes == (MENUS["series"]["jitter"],)
    assert for_kind("series", ["jitter"], ["jitter"]).changes == (MENUS["series"]["jitter"],)
    with pytest.raises(ConfigError, match="would not follow scale of the examples; take jitter alone"):
        for_kind("series", ["jitter", "scale"], ["jitter"])
    with pytest.raises(ConfigError, match="leave out augment"):
        for_kind("clip", None, [])
