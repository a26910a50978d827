"""Forecasting baselines against the papers' formulas in numpy."""

import numpy as np
import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.models.dlinear import DLinear, DLinearConfig, moving_average
from bicameral.models.last_value import LastValue, LastValueConfig
from bicameral.models.nlinear import NLinear, NLinearConfig
from bicameral.models.seasonal_naive import SeasonalNaive, SeasonalNaiveConfig

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 30, 3))


def randomised(model):
    for parameter in model.double().parameters():
        torch.nn.init.normal_(parameter)
    return model


def weights(layer):
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()[:, None]


def test_dlinear_equals_numpy():
    model = randomised(DLinear((30, 3), DLinearConfig(horizon=4, kernel=7)))
    (seasonal, b), (trended, c) = weights(model.seasonal), weights(model.trend)
    for row, forecast in zip(X, model(torch.tensor(X)).detach().numpy(), strict=True):
        padded = np.concatenate([row[:1].repeat(3, 0), row, row[-1:].repeat(3, 0)])
        trend = np.stack([padded[t : t + 7].mean(0) for t in range(30)])
        np.testing.assert_allclose(forecast, seasonal @ (row - trend) + b + trended @ trend + c)


def test_dlinear_starts_as_the_mean():
    model = DLinear((30, 3), DLinearConfig(horizon=1)).double()
    for layer in (model.seasonal, model.trend):
        torch.nn.init.zeros_(layer.bias)
    np.testing.assert_allclose(model(torch.tensor(X)).detach().numpy()[:, 0], X.mean(1), rtol=1e-6)


def test_constant_series_is_its_own_trend():
    torch.testing.assert_close(moving_average(torch.full((1, 2, 9), 3.0), 25), torch.full((1, 2, 9), 3.0))


def test_nlinear_equals_numpy():
    model = randomised(NLinear((30, 3), NLinearConfig(horizon=4)))
    weight, bias = weights(model.linear)
    expected = X[:, -1:] + weight @ (X - X[:, -1:]) + bias
    np.testing.assert_allclose(model(torch.tensor(X)).detach().numpy(), expected)


def test_last_value_repeats_the_last():
    forecast = LastValue((30, 3), LastValueConfig(horizon=5))(torch.tensor(X))
    np.testing.assert_array_equal(forecast, np.repeat(X[:, -1:], 5, 1))


def test_seasonal_naive_continues_a_periodic_series():
    series = np.tile(np.arange(7.0), 10)[:, None]
    forecast = SeasonalNaive((40, 1), SeasonalNaiveConfig(horizon=20, season=7))(
        torch.tensor(series[None, :40])
    )
    np.testing.assert_array_equal(forecast[0], series[40:60])


def test_default_season_fits_a_short_window():
    assert SeasonalNaive((12, 1), SeasonalNaiveConfig()).season == 12
    assert SeasonalNaive((100, 1), SeasonalNaiveConfig()).season == 24


@pytest.mark.parametrize("season", [0, -1])
def test_season_is_at_least_one_frame(season):
    with pytest.raises(ConfigError, match="season"):
        SeasonalNaiveConfig(season=season)


def test_season_longer_than_the_window_is_refused():
    with pytest.raises(ConfigError, match="at most the 12 frames"):
        SeasonalNaive((12, 1), SeasonalNaiveConfig(season=24))
