"""Train one model on arrays of your own, keep it on disk, and predict with it."""

import numpy as np

import bicameral

rng = np.random.default_rng(0)
rising = rng.integers(0, 2, 400)
drift = np.where(rising, 0.05, -0.05)[:, None] * np.arange(50)
series = (drift + rng.normal(0, 1, (400, 50)))[..., None].astype(np.float32)  # (n, t, d)
labels = np.where(rising, "rising", "falling")

artifact = bicameral.train((series, labels), "gru", folder="runs/trend", budget="10epochs", progress=False)
print(artifact.card)

kept = bicameral.Artifact.from_pretrained("runs/trend")
for answer in kept.predict(bicameral.read(series[:3])):
    print(answer["id"], answer["class"], f"{answer['probability']:.2f}")
