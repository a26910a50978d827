"""Boosting on lags: scikit-learn's own recursion, seasons that are found, windows that overlap."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from bicameral import registry
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import windows
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.models.gradient_boosting_lags import GradientBoostingLags, GradientBoostingLagsConfig
from bicameral.tasks import Forecast
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training import solve


def made(length=150, season=7, seed=0):
    rng = np.random.default_rng(seed)
    pattern = rng.normal(size=season) * 2
    y = 0.02 * np.arange(length) + np.tile(pattern, length // season + 1)[:length]
    return (y + 0.3 * rng.normal(size=length)).astype(np.float32)


def cut(y, lookback, horizon):
    every = np.lib.stride_tricks.sliding_window_view(y, lookback + horizon).copy()[..., None]
    return torch.from_numpy(every[:, :lookback]), torch.from_numpy(every[:, lookback:])


def fitted(x, y, season=None, seed=3):
    model = GradientBoostingLags(
        tuple(x.shape[1:]), GradientBoostingLagsConfig(horizon=y.shape[1], season=season)
    )
    torch.manual_seed(seed)
    model.fit_windows(x, y)
    return model


def change(y, end, lags, season):
    return np.array([y[end - lag] - y[end - lag - season] for lag in lags])


def scale_of(look_back, season):
    return np.sqrt(np.mean((look_back[season:] - look_back[:-season]) ** 2))


def test_forecasts_are_scikit_learns_own():
    lookback, horizon, season = 40, 5, 7
    lags = [1, 2, 3, 7, 14, 21, 28]
    series = made()
    x, y = cut(series, lookback, horizon)
    model = fitted(x, y, season)
    rows, targets = [], []
    for end in range(lookback, len(series)):  # every frame that follows a look-back, once
        start = min(end - lookback, len(x) - 1)
        scale = scale_of(series[start : start + lookback], season)
        rows.append(change(series, end, lags, season) / scale)
        targets.append((series[end] - series[end - season]) / scale)
    theirs = HistGradientBoostingRegressor(early_stopping=False, min_samples_leaf=max(2, len(rows) // 20))
    theirs.fit(np.array(rows, np.float32), targets)
    known = list(x[-1, :, 0].numpy())
    scale = scale_of(np.array(known), season)
    for _ in range(horizon):
        found = theirs.predict(change(known, len(known), lags, season)[None] / scale)
        known.append(known[-season] + scale * found[0])
    np.testing.assert_allclose(model(x[-1:])[0, :, 0], known[lookback:], atol=1e-4)


def test_a_season_is_found_and_what_repeats_is_forecast():
    x, y = cut(made(season=7), 40, 14)
    model = fitted(x[:60], y[:60])
    assert model.season == 7
    naive = torch.cat([x[:, -7:], x[:, -7:]], 1)
    assert (model(x[80:]) - y[80:]).abs().mean() < 0.95 * (naive[80:] - y[80:]).abs().mean()


def test_units_and_levels_do_not_matter():
    x, y = cut(made(90), 40, 5)
    model = fitted(x.double(), y.double(), 7)
    moved = model(1000 * x.double() + 50)
    torch.testing.assert_close(moved, 1000 * model(x.double()) + 50, rtol=1e-4, atol=1e-2)


def test_one_seed_one_forecast():
    x, y = cut(made(), 40, 5)
    assert torch.equal(fitted(x, y)(x), fitted(x, y)(x))


@pytest.mark.parametrize("lookback", [1, 2, 3, 6])
def test_short_look_backs_are_answered(lookback):
    x, y = cut(made(40), lookback, 3)
    found = fitted(x, y)(x)
    assert found.shape == y.shape
    assert found.isfinite().all()


def test_what_never_changes_stays():
    x, y = torch.full((20, 9, 2), 4.0), torch.full((20, 3, 2), 4.0)
    assert torch.equal(fitted(x, y)(x), y)


def test_solved_in_a_network_and_loaded_again():
    values = np.stack([made(160), made(160, seed=1)], 1)
    raw = Dataset(name="made", kind="series", items=[values], ids=["a"], columns=("u", "v"))
    examples = windows(raw, lookback=30, horizon=4, target_columns=["v"])
    train = Prepared(examples, fit_preprocessing(examples, np.arange(90)), np.arange(90))
    task = Forecast(
        lookback=30, horizon=4, columns=("v",), channels=(1,), season=7,
        mean=train.preprocessing.mean[1:], deviation=train.preprocessing.deviation[1:],
    )  # fmt: skip
    network, other = (Network(train.layout, task, "gradient_boosting_lags").eval() for _ in range(2))
    solve(network, task, train)
    other.load_state_dict(network.state_dict())
    x = train.batch(np.arange(90)).x
    assert torch.equal(answer(network, train)[0], network(x))
    assert network.backbone.season == 7
    assert torch.equal(network(x), other(x))
    assert registry.entry("gradient_boosting_lags").closed_form
