"""The theta method: seasons that are there, drifts, and its smoothing against a plain loop."""

import math

import numpy as np
import pytest
import torch

from bicameral.models.theta import RATES, Theta, ThetaConfig, smoothed
from bicameral.nn.seasons import found_seasons, seasonal

T = torch.arange(96, dtype=torch.float64)


@pytest.mark.parametrize("season", [4, 7, 12, 24])
def test_a_season_is_found_beside_a_trend_and_noise(season):
    noise = torch.randn(96, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.sin(2 * math.pi * T / season) + 0.05 * T + 0.2 * noise
    assert found_seasons(y[None]).tolist() == [season]


def test_ripples_of_slow_noise_are_no_season():
    generator = torch.Generator().manual_seed(0)
    y = 3 * torch.sin(2 * math.pi * torch.arange(960, dtype=torch.float64) / 240)
    y = y + torch.randn(960, dtype=torch.float64, generator=generator)
    assert abs(found_seasons(y[None]).item() - 240) < 12


def test_noise_and_lines_have_no_season():
    noise = torch.randn(20, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert (found_seasons(noise) == 1).double().mean() > 0.7
    assert found_seasons((3 * T + 1)[None]).tolist() == [1]


@pytest.mark.parametrize("season", [3, 4])
def test_a_pure_season_is_taken_out_whole(season):
    pattern = torch.tensor([1.0, -2.0, 3.0, -2.0][: season - 1], dtype=torch.float64)
    pattern = torch.cat([pattern, -pattern.sum()[None]])
    y = pattern.repeat(24)[None] + 0.5 * torch.arange(24 * season)
    assert torch.allclose(seasonal(y, season)[0], pattern.flip(0))


def test_smoothing_by_a_loop():
    y = np.random.default_rng(0).normal(size=30).cumsum()
    found, _ = smoothed(torch.from_numpy(y)[None], 1, 3)
    best = (np.inf, 0, 0)
    for rate in RATES:
        level, error = y[0], 0.0
        for value in y:
            error += (value - level) ** 2
            level += rate * (value - level)
        best = min(best, (error, rate, level))
    _, rate, level = best
    drift = np.polyfit(np.arange(30), y, 1)[0] / 2
    expected = [level + drift * (h + (1 - (1 - rate) ** 30) / rate) for h in range(3)]
    np.testing.assert_allclose(found[0], expected)


@pytest.mark.parametrize("multiplied", [False, True])
def test_a_growing_season_multiplies(multiplied):
    season = torch.sin(2 * math.pi * torch.arange(120, dtype=torch.float64) / 12)
    trend = 10 + torch.arange(120, dtype=torch.float64) * 0.3
    y = (trend * (1 + 0.3 * season) if multiplied else trend + 3 * season)[None, :, None]
    model = Theta((96, 1), ThetaConfig(horizon=24, zeros=(0.0,))).double()
    error = (model(y[:, :96]) - y[:, 96:]).abs().mean()
    naive = (y[:, 72:96] - y[:, 96:]).abs().mean()
    assert error < 0.75 * naive
