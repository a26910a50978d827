"""The shared map of a forecast against scikit-learn's ridge, and what it must not do."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.examples.windows import windows
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.models import ridge_map
from bicameral.models.ridge_map import RidgeMap, RidgeMapConfig
from bicameral.tasks import Forecast
from bicameral.tasks.network import Network
from bicameral.training import solve


def made(rows=200, lookback=6, horizon=3, channels=2):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(rows, lookback, channels)).astype(np.float32))
    weight = torch.from_numpy(rng.normal(size=(horizon, lookback)).astype(np.float32))
    y = x[:, -1:] + weight @ (x - x[:, -1:])
    return x, y + 0.1 * torch.from_numpy(rng.normal(size=y.shape).astype(np.float32))


def test_the_map_is_scikit_learns(monkeypatch):
    x, y = made()
    monkeypatch.setattr(ridge_map, "PENALTIES", (0.5,))
    model = RidgeMap((6, 2), RidgeMapConfig(horizon=3))
    model.fit_windows(x, y)
    before = (x - x[:, -1:]).transpose(1, 2).flatten(0, 1).numpy()
    after = (y - x[:, -1:]).transpose(1, 2).flatten(0, 1).numpy()
    alpha = 0.5 * (before**2).sum() / 6
    theirs = Ridge(alpha=alpha, fit_intercept=False).fit(before, after)
    np.testing.assert_allclose(model.weight, theirs.coef_, atol=1e-4)


def test_noise_is_forecast_by_the_last_value():
    rng = np.random.default_rng(1)
    walk = torch.from_numpy(rng.normal(size=(3000, 9, 1)).cumsum(1).astype(np.float32))
    model = RidgeMap((6, 1), RidgeMapConfig(horizon=3))
    model.fit_windows(walk[:, :6], walk[:, 6:])
    assert model.weight.abs().max() < 0.1


def test_windows_of_very_different_scale_weigh_alike():
    """One loud series that follows no rule must not decide for many quiet ones that do."""
    x, y = made(rows=300, channels=1)
    loud = torch.arange(300) % 3 == 0
    rng = torch.Generator().manual_seed(0)
    y[loud] = x[loud][:, -1:] + torch.randn(int(loud.sum()), 3, 1, generator=rng)
    clean = ~loud
    x[loud], y[loud] = 1000 * x[loud], 1000 * y[loud]
    model = RidgeMap((6, 1), RidgeMapConfig(horizon=3))
    model.fit_windows(x, y)
    explained = 1 - (model(x) - y)[clean].square().mean() / (y - x[:, -1:])[clean].square().mean()
    assert explained > 0.5


@pytest.mark.parametrize("quantiles", [(), (0.1, 0.5, 0.9)], ids=["points", "quantiles"])
def test_solved_on_a_series(quantiles):
    t = np.arange(400)
    rng = np.random.default_rng(2)
    values = np.stack([np.sin(t / 3), np.cos(t / 5)], 1) + 0.1 * rng.normal(size=(400, 2))
    raw = Dataset(
        name="made", kind="series", items=[values.astype(np.float32)], ids=["a"], columns=("u", "v")
    )
    cut = windows(raw, lookback=30, horizon=4, target_columns=["v"])
    train = Prepared(cut, fit_preprocessing(cut, np.arange(300)), np.arange(300))
    later = Prepared(cut, train.preprocessing, np.arange(330, len(cut)))
    task = Forecast(
        lookback=30, horizon=4, columns=("v",), channels=(1,),
        mean=train.preprocessing.mean[1:], deviation=train.preprocessing.deviation[1:], quantiles=quantiles,
    )  # fmt: skip
    network = Network(train.layout, task, "ridge_map").eval()
    solve(network, task, train)
    batch = later.batch(np.arange(len(later)))
    output = network(batch.x).detach()
    truth = task.standardise(batch.y)
    if quantiles:
        covered = (truth > output[..., 0]) & (truth < output[..., 2])
        assert covered.double().mean().item() == pytest.approx(0.8, abs=0.1)
    else:
        assert (output - truth).square().mean() < 0.1
