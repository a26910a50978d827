"""Signature layers: the laws, closed forms of small paths, and what they cannot see."""

import pytest
import torch

from bicameral.nn.signature import RunningSignature, Signature
from bicameral.testing import recurrent_laws

LAYERS = {
    "raw": lambda: Signature(3, 3),
    "depth one": lambda: Signature(3, 1),
    "running": lambda: RunningSignature(3, 2, time_scale=4.0),
}
LAWS = [
    pytest.param(law, id=f"{name}-{word}")
    for name, build in LAYERS.items()
    for word, law in recurrent_laws(build, (7, 3))
]


@pytest.mark.parametrize("law", LAWS)
def test_obeys_the_laws(law):
    law()


def path(num_frames=9):
    return torch.randn(2, num_frames, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_straight_line_in_closed_form():
    """S^k = step^{⊗k} / k!."""
    step = torch.tensor([0.5, -2.0, 1.5])
    y, _ = Signature(3, 3)(torch.stack([torch.ones(3), torch.ones(3) + step])[None])
    two = torch.outer(step, step)
    expected = [step, two.flatten() / 2, torch.tensordot(two, step, 0).flatten() / 6]
    torch.testing.assert_close(y[0, 1], torch.cat(expected))


def test_first_frame_has_no_path():
    for layer in (Signature(3, 2), RunningSignature(3, 2)):
        y, _ = layer(path(1).float())
        assert (y == 0).all()


def test_area_is_signed():
    """The antisymmetric part of level 2 is the area to the chord: a unit square, once around, has area 1."""
    square = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    for corners, area in ((square, 1.0), (square.flip(0), -1.0)):
        two = Signature(2, 2)(corners[None])[0][0, -1, 2:].view(2, 2)
        assert (two[0, 1] - two[1, 0]).item() / 2 == pytest.approx(area)


def test_place_and_speed_do_not_count_without_time():
    x = path()
    y = Signature(3, 3)(x)[0]
    torch.testing.assert_close(Signature(3, 3)(x + 5)[0], y)
    twice = x.repeat_interleave(2, 1)
    torch.testing.assert_close(Signature(3, 3)(twice)[0][:, 1::2], y)
    timed = RunningSignature(3, 2)
    assert not torch.allclose(timed(twice)[0][:, 1::2], timed(x)[0])


@pytest.mark.parametrize("time_scale", [1.0, 10.0])
def test_time_normalised(time_scale):
    """Level 1 is mean velocity; the level-2 term of time with itself is t / 2."""
    x = path()
    y, _ = RunningSignature(3, 2, time_scale=time_scale)(x)
    t = torch.arange(9, dtype=torch.float64) / time_scale
    torch.testing.assert_close(y[:, 1:, 0], torch.ones(2, 8, dtype=torch.float64))
    torch.testing.assert_close(y[:, 1:, 1:4], (x - x[:, :1])[:, 1:] / t[1:, None])
    torch.testing.assert_close(y[..., 4], (t / 2).expand(2, 9))
