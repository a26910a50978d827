"""Exponential smoothing against a plain loop, and the forms that it chooses."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from bicameral.models.ets import ALPHAS, BETAS, DAMPINGS, ETS, GAMMAS, ETSConfig, smoothed

SEASON = torch.tensor([0.7, 1.3, 1.1, 0.9], dtype=torch.float64)


def looped(y, ring, alpha, beta, gamma, damping, drifts, multiplies):
    """One candidate, frame by frame: sum of squares and four forecasts."""
    s, total = len(ring), 0.0
    ring = list(ring)
    rest = [v / ring[t % s] if multiplies else v - ring[t % s] for t, v in enumerate(y)]
    slope, start = np.polyfit(np.arange(len(y)), rest, 1)
    level, slope = (start - slope, slope) if drifts else (np.mean(rest), 0.0)
    for t, value in enumerate(y):
        season, slope = ring[t % s], damping * slope
        trend = level + slope
        error = value - (trend * season if multiplies else trend + season)
        total += error**2
        level = trend + alpha * error / (season if multiplies else 1)
        slope += beta * error / (season if multiplies else 1)
        ring[t % s] = season + gamma * error / (trend if multiplies else 1)
    found = []
    for h in range(4):
        slope *= damping
        level += slope
        season = ring[(len(y) + h) % s]
        found.append(level * season if multiplies else level + season)
    return total, found


@pytest.mark.parametrize("multiplies", [False, True])
def test_smoothing_by_a_loop(multiplies):
    rng = np.random.default_rng(0)
    y = (20 + rng.normal(size=30).cumsum()) * np.tile(SEASON.numpy(), 8)[:30]
    at_last = SEASON if multiplies else SEASON - 1
    ring = [at_last[(place - 30) % 4].item() for place in range(4)]
    best = (np.inf, [])
    for alpha, gamma in product(ALPHAS, GAMMAS):
        for beta, damping, drifts in [(0, 1, 0), *((b, d, 1) for b, d in product(BETAS, DAMPINGS))]:
            rates = (alpha, alpha * beta, (1 - alpha) * gamma, damping, drifts)
            total, found = looped(y, ring, *rates, multiplies)
            k = 3 + 3 * drifts + 4
            best = min(best, (30 * math.log(total / 30) + 2 * k + 2 * k * (k + 1) / (30 - k - 1), found))
    found, score = smoothed(torch.from_numpy(y)[None], at_last[None], 4, multiplies=multiplies)
    assert score.item() == pytest.approx(best[0])
    np.testing.assert_allclose(found[0], best[1])


@pytest.mark.parametrize("multiplied", [False, True])
def test_a_drifting_season_that_adds_or_multiplies(multiplied):
    t = torch.arange(120, dtype=torch.float64)
    season = torch.sin(2 * math.pi * t / 12)
    trend = 10 + 0.3 * t
    y = (trend * (1 + 0.3 * season) if multiplied else trend + 3 * season)[None, :, None]
    model = ETS((96, 1), ETSConfig(horizon=24, zeros=(0.0,))).double()
    error = (model(y[:, :96]) - y[:, 96:]).abs().mean()
    assert error < 0.6 * (y[:, 72:96] - y[:, 96:]).abs().mean()


def test_noise_gets_no_season_and_walks_their_last_value():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(40, 60, 1, dtype=torch.float64, generator=generator)
    model = ETS((60, 1), ETSConfig(horizon=3, season=6)).double()
    assert model(noise).abs().mean() < 0.35
    walk = noise.cumsum(1)
    assert (model(walk) - walk[:, -1:]).abs().mean() < 0.7


@pytest.mark.parametrize("lookback", [1, 2, 5, 9])
def test_what_never_changes_stays(lookback):
    x = torch.full((3, lookback, 2), 4.0)
    torch.testing.assert_close(ETS((lookback, 2), ETSConfig(horizon=3))(x), torch.full((3, 3, 2), 4.0))
