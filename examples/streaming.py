"""Watch a sensor: train on recordings, answer row by row, stop in the middle and go on."""

import numpy as np

import bicameral

rng = np.random.default_rng(0)
steps = np.arange(60)


def recording(faulty: bool) -> np.ndarray:
    """Two channels; a fault makes the second one tremble."""
    tremble = 0.8 * np.sin(2.5 * steps) if faulty else np.zeros(60)
    signal = np.stack([np.sin(steps / 5), np.cos(steps / 5) + tremble], axis=1)
    return (signal + rng.normal(0, 0.3, signal.shape)).astype(np.float32)


faulty = rng.integers(0, 2, 200)
recordings = np.stack([recording(bool(is_faulty)) for is_faulty in faulty])
labels = np.where(faulty, "fault", "fine")
recipe = {"learning_rate": 1e-2, "batch_size": 32, "compile": False}
artifact = bicameral.train(
    (recordings, labels), "gru", folder="runs/sensor", budget="60steps", recipe=recipe, progress=False
)

live = recording(True)
stream = artifact.stream()
for row in live[:30]:
    answer = stream.step(row)
print("after 30 rows:", answer[0]["class"], f"{answer[0]['probability']:.2f}")

stream.save("sensor.state")  # the power may go now
again = bicameral.Artifact.from_pretrained("runs/sensor").stream()
again.load("sensor.state")
for row in live[30:]:
    answer = again.step(row)

whole = artifact.predict(bicameral.read(live[None]))[0]
print("after 60 rows:", answer[0]["class"], f"{answer[0]['probability']:.2f}")
print("predict says: ", whole["class"], f"{whole['probability']:.2f}")
