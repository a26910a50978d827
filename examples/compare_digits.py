"""Compare a convolution, a recurrence and two baselines on handwritten digits, within a minute."""

from sklearn.datasets import load_digits

import bicameral

images, classes = load_digits(return_X_y=True)
pictures = images.reshape(-1, 1, 8, 8).astype("float32") / 16

study = bicameral.compare(
    (pictures, classes),
    models=["linear", "mlp", "lenet5", "gru"],  # the GRU reads each picture as eight rows
    budget="45s",
    probe_seconds=5,
)
print(study.results["verdict"]["sentence"])
print(f"Every number behind it: {study.folder / 'report.html'}")
