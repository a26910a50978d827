"""MiniRocket: the paper's kernels, dilations and shares, against numpy."""

import numpy as np
import pytest
import torch

from bicameral.models.mini_rocket import MiniRocket, MiniRocketConfig
from bicameral.nn.rocket import golden_quantiles, kernels, spread


def build(shape=(50, 1), **overrides):
    torch.manual_seed(0)
    model = MiniRocket(shape, MiniRocketConfig(**overrides)).double()
    x = torch.randn(20, *shape, dtype=torch.float64)
    model.prepare(x)
    return model, x


def test_the_84_kernels():
    weights = kernels()
    assert weights.shape == (84, 9)
    assert len({tuple(row) for row in weights.tolist()}) == 84
    assert weights.unique().tolist() == [-1, 2]
    assert not weights.sum(1).any()


def test_features_are_shares():
    model, x = build()
    features = model(x)
    assert features.shape == (20, 9996)
    assert ((features >= 0) & (features <= 1)).all()
    assert 0.4 < features.mean() < 0.6  # biases are evenly spread quantiles of the responses


def test_a_constant_added_changes_little_and_only_at_the_edges():
    """Kernels sum to zero, so those that count only whole windows do not see the level."""
    model, x = build(num_features=84)
    inside = torch.arange(84) % 2 == 1
    torch.testing.assert_close(model(x)[:, inside], model(x + 10)[:, inside])
    assert not torch.allclose(model(x)[:, ~inside], model(x + 10)[:, ~inside])


def share_by_hand(series, weights, dilation, bias, whole):
    reach = 4 * dilation
    padded = np.pad(series, reach)
    response = [
        sum(weight * padded[t + tap * dilation] for tap, weight in enumerate(weights))
        for t in range(len(series))
    ]
    counted = np.array(response if whole else response[reach:-reach])
    return (counted > bias).mean()


@pytest.mark.parametrize("kernel", [0, 1, 40, 83])
def test_features_equal_the_definition(kernel):
    model, x = build(num_features=84 * 6)
    features = model(x).view(20, 84, 6)
    column = 0
    for level, (dilation, count) in enumerate(zip(model.dilations, model.counts, strict=True)):
        for _ in range(count):
            bias, whole = float(model.biases[kernel, column]), (kernel + level) % 2 == 0
            weights = kernels()[kernel].numpy()
            expected = share_by_hand(x[3, :, 0].numpy(), weights, dilation, bias, whole)
            assert features[3, kernel, column].item() == pytest.approx(expected)
            column += 1


def test_dilations_reach_the_length_of_the_series():
    dilations, counts = spread(num_frames=161, per_kernel=119)
    assert dilations[0] == 1
    assert dilations[-1] == 20  # 8 dilations of 20 frames span 160
    assert sum(counts) == 119


@pytest.mark.parametrize("num_frames", [1, 5, 9, 10])
def test_short_series_have_one_dilation(num_frames):
    assert spread(num_frames, 3) == ([1], [3])


def test_golden_quantiles_fill_the_unit_interval():
    histogram = golden_quantiles(1000).histc(10, 0, 1)
    assert histogram.min() >= 98


def test_kernels_see_at_most_nine_channels():
    model, _ = build((30, 40), num_features=168)
    seen = model.channels.sum(-1)
    assert seen.min() >= 1
    assert seen.max() <= 9
