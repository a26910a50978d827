"""Forecaster: the steps after a series, in its units."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from bicameral import Forecaster
from bicameral.errors import BicameralError


def tide(steps: int) -> np.ndarray:
    return 100 + 5 * np.sin(2 * np.pi * np.arange(steps) / 12)


@pytest.fixture(scope="module")
def model():
    return Forecaster("linear", horizon=6, lookback=24, max_iter=60, random_state=0).fit(tide(300))


def test_a_tide_goes_on(model):
    np.testing.assert_allclose(model.predict(), tide(306)[300:], atol=1)


def test_another_present_has_another_future(model):
    np.testing.assert_allclose(model.predict(tide(105)), tide(111)[105:], atol=1)


def test_score_is_high_on_unseen_windows_and_low_on_noise(model):
    assert model.score(tide(405)[300:]) > 0.95
    assert model.score(np.random.default_rng(0).normal(100, 5, 105)) < 0.5


def test_several_channels_come_back_as_columns():
    series = np.stack([tide(120), -tide(120)], axis=1)
    forecast = Forecaster("linear", horizon=3, max_iter=20, random_state=0).fit(series).predict()
    assert forecast.shape == (3, 2)
    assert forecast[:, 0].min() > 50 > -50 > forecast[:, 1].max()


def test_parameters_survive_a_clone():
    model = Forecaster("gru", horizon=3, lookback=9)
    assert clone(model).get_params() == model.get_params()


def test_unfitted_is_said():
    with pytest.raises(NotFittedError):
        Forecaster().predict()


def test_a_present_shorter_than_the_look_back_is_refused(model):
    with pytest.raises(BicameralError, match="looks back over 24"):
        model.predict(tide(23))


def test_a_series_shorter_than_a_window_is_refused():
    with pytest.raises(BicameralError, match="too short"):
        Forecaster(horizon=10).fit(tide(20))


def test_a_rule_needs_no_training():
    answer = Forecaster("last_value", horizon=2).fit(np.arange(20.0)).predict()
    np.testing.assert_allclose(answer, [19, 19], rtol=1e-5)
