"""Local attention equals a dense float64 computation of its definition, however time is cut into blocks."""

import math

import pytest
import torch

from bicameral.nn import local_attention
from bicameral.nn.local_attention import LocalAttention
from bicameral.nn.rope import rotate
from bicameral.testing import lengths_laws, recurrent_laws

LAYERS = {
    "multi_query": {"num_heads": 4, "window": 5, "num_rotated": 2},
    "two_groups": {"num_heads": 4, "num_kv_heads": 2, "window": 4, "bias": True},
    "itself_alone": {"num_heads": 2, "window": 1},
    "all": {"num_heads": 2, "num_kv_heads": 2, "window": 40, "num_rotated": 8},
}
SHAPE = (19, 16)


@pytest.fixture
def _small_blocks(monkeypatch):
    monkeypatch.setattr(local_attention, "BLOCK", 3)


def build(name):
    return LocalAttention(16, **LAYERS[name])


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize(
    "law",
    [
        pytest.param(law, id=f"{layer}-{name}")
        for layer in LAYERS
        for name, law in [
            *recurrent_laws(lambda layer=layer: build(layer), SHAPE),
            *lengths_laws(lambda layer=layer: build(layer), SHAPE, 1, 1),
        ]
    ],
)
def test_layer_obeys(law):
    law()


def turned(vector, position, num_rotated):
    """Each pair (j, j + half) as a complex number, times e^(i position rate_j)."""
    half = num_rotated // 2
    pairs = torch.complex(vector[:half], vector[half:num_rotated])
    rates = torch.tensor([10_000 ** (-j / half) for j in range(half)], dtype=torch.float64)
    pairs = pairs * torch.polar(torch.ones(half, dtype=torch.float64), position * rates)
    return torch.cat([pairs.real, pairs.imag, vector[num_rotated:]])


def by_definition(layer, x, settings):
    """One head and one frame at a time, with absolute positions."""
    size, groups = 16 // settings["num_heads"], settings.get("num_kv_heads", 1)
    num_rotated, num_frames = settings.get("num_rotated", 0), len(x)
    k, v = (part.view(num_frames, groups, size) for part in layer.kv(x).chunk(2, -1))
    q = layer.q(x).view(num_frames, -1, size)
    y = torch.zeros_like(q)
    for t in range(num_frames):
        seen = range(max(0, t - settings["window"] + 1), t + 1)
        for head in range(q.shape[1]):
            group = head * groups // q.shape[1]
            query = turned(q[t, head], t, num_rotated)
            scores = [query @ turned(k[s, group], s, num_rotated) / math.sqrt(size) for s in seen]
            weights = torch.stack(scores).softmax(0)
            y[t, head] = sum(weight * v[s, group] for weight, s in zip(weights, seen, strict=True))
    return layer.out(y.flatten(1))


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("name", LAYERS)
@torch.no_grad()
def test_equals_its_definition(name):
    layer, x = build(name).double(), torch.randn(2, 23, 16).double()
    expected = torch.stack([by_definition(layer, row, LAYERS[name]) for row in x])
    torch.testing.assert_close(layer(x)[0], expected)


def test_window_counts_the_frame_itself():
    layer, x = LocalAttention(4, 1, window=3), torch.randn(1, 9, 4, requires_grad=True)
    layer(x)[0][0, 6].sum().backward()
    assert x.grad[0].abs().sum(-1).nonzero().flatten().tolist() == [4, 5, 6]


def test_blocks_change_nothing(monkeypatch):
    layer, x = LocalAttention(8, 2, window=7).double(), torch.randn(2, 100, 8).double()
    outputs = []
    for block in (1, 16, 1000):
        monkeypatch.setattr(local_attention, "BLOCK", block)
        outputs.append(layer(x)[0])
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[0], outputs[2])


def test_scores_depend_on_distances_alone():
    q, k = torch.randn(2, 1, 6, 1, 8, dtype=torch.float64)
    near, far = (torch.arange(6) + offset for offset in (0, 12_345))
    scores = [rotate(q, at, 8)[0, :, 0] @ rotate(k, at, 8)[0, :, 0].T for at in (near, far)]
    torch.testing.assert_close(scores[0], scores[1])


def test_released_rotation_leaves_half_of_a_head():
    x = torch.randn(2, 6, 3, 8)
    assert torch.equal(rotate(x, torch.arange(6), 4)[..., 4:], x[..., 4:])
