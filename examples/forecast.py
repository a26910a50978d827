"""Forecast a series with a model and with the rule that it has to beat."""

import numpy as np

from bicameral import Forecaster

steps = np.arange(600)
season = 10 * np.sin(2 * np.pi * steps / 24)
load = 50 + 0.02 * steps + season + np.random.default_rng(0).normal(0, 1, 600)
past, future = load[:500], load[500:]

for model in ("last_value", "seasonal_naive", "nlinear", "gru"):
    forecaster = Forecaster(model, horizon=12, lookback=48, random_state=0).fit(past)
    print(f"{model:<15} R2 on the future {forecaster.score(future):.3f}")

print("The next 12 steps:", forecaster.predict(future).round(1))
