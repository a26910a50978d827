"""The winner's errors: every count follows from its own predictions, and what is shown can be looked at."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.problems.problem import Problem
from bicameral.studies.errors.examples import mistakes
from bicameral.studies.run.trial import Trial, build
from bicameral.tasks.errors import NUM_WORST


def examined(folder, dataset: Dataset, **options):
    """The mistakes of an untrained linear model, with the problem and the model's outputs."""
    problem = Problem(dataset, task_options=options)
    draw = problem.final_draw()
    network = build(draw, Trial(stage="final", model="linear", size=""))
    artifact = Artifact(network.eval(), draw.preprocessing, draw.task)
    artifact.save_pretrained(folder)
    return mistakes(problem, folder), problem, artifact.outputs(problem.dataset, problem.test)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    rng = np.random.default_rng(0)
    items = list(rng.integers(0, 256, (200, 3, 6, 9), dtype=np.uint8))
    targets, ids = np.arange(200) % 4, [f"{row}.png" for row in range(200)]
    classes = ("ant", "bee", "cow", "dog")
    dataset = Dataset(kind="image", items=items, targets=targets, classes=classes, ids=ids, name="made")
    return examined(tmp_path_factory.mktemp("pictures") / "final", dataset)


def test_the_confusion_counts_every_test_example(pictures):
    found, problem, output = pictures
    counts = np.zeros((4, 4), dtype=int)
    for truth, guess in zip(problem.dataset.targets[problem.test], output.argmax(-1).tolist(), strict=True):
        counts[truth, guess] += 1
    assert found["confusion"] == {"classes": ["ant", "bee", "cow", "dog"], "counts": counts.tolist()}
    assert np.mean(found["per_example"]) == pytest.approx(np.trace(counts) / len(problem.test))


def test_the_calibration_holds_every_example_in_its_bin(pictures):
    found, problem, output = pictures
    confidence = output.double().softmax(-1).max(-1).values.numpy()
    bins = found["calibration"]["bins"]
    assert sum(one["count"] for one in bins) == len(problem.test)
    assert sum(one["count"] * one["confidence"] for one in bins) == pytest.approx(confidence.sum())
    gap = sum(one["count"] * abs(one["accuracy"] - one["confidence"]) for one in bins)
    assert found["calibration"]["ece"] == pytest.approx(gap / len(problem.test))


def test_the_most_confident_mistakes_come_first(pictures):
    found, problem, output = pictures
    shown = found["worst"]
    confidence = [one["confidence"] for one in shown]
    assert confidence == sorted(confidence, reverse=True)
    assert len(shown) == NUM_WORST
    truth = torch.as_tensor(problem.dataset.targets[problem.test])
    wrong = output.double().softmax(-1).max(-1).values[output.argmax(-1) != truth]
    assert confidence == pytest.approx(wrong.sort(descending=True).values[:NUM_WORST].tolist())
    for one in shown:
        row = int(one["id"].removesuffix(".png"))
        assert row in problem.test
        assert problem.dataset.classes[problem.dataset.targets[row]] == one["true"] != one["predicted"]


def test_thumbnails_are_small_pictures_of_the_example(pictures):
    found, problem, _ = pictures
    for one in found["worst"]:
        kind, data = one["thumbnail"].split(",")
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (kind, picture.format, picture.size) == ("data:image/png;base64", "PNG", (64, 43))
        original = problem.dataset.items[int(one["id"].removesuffix(".png"))]
        assert np.array_equal(np.asarray(picture)[0, 0], original[:, 0, 0])


def test_texts_are_shown_as_they_are_and_cut_when_long(tmp_path):
    texts = [f"word{row % 5} " * (row + 1) for row in range(80)]
    dataset = Dataset(kind="text", items=texts, targets=np.arange(80) % 2, classes=("no", "yes"), name="made")
    found, *_ = examined(tmp_path / "final", dataset)
    assert all(one["text"] in {text[:280] for text in texts} for one in found["worst"])
    assert all(one["thumbnail"] is one["sparkline"] is None for one in found["worst"])


def test_the_largest_errors_of_a_forecast_are_of_different_stretches(tmp_path):
    series = np.sin(np.arange(600) / 9)[:, None].astype(np.float32)
    series[590:] += 5
    dataset = Dataset(kind="series", items=[series], targets=None, ids=["made"], columns=("x",), name="made")
    found, problem, _ = examined(tmp_path / "final", dataset, horizon=4, lookback=12)
    errors = [one["error"] for one in found["worst"]]
    assert errors == sorted(errors, reverse=True)
    assert found["residuals"]["quantiles"][-1] == pytest.approx(errors[0]) == -np.min(found["per_example"])
    position = {str(name): row for row, name in enumerate(problem.dataset.ids)}
    rows = sorted(position[one["id"]] for one in found["worst"])
    assert len(rows) == NUM_WORST
    assert np.diff(rows).min() >= 4
    assert all(len(one["sparkline"]) == 12 for one in found["worst"])


def test_a_series_of_many_channels_is_shown_like_a_piano_roll(tmp_path):
    rolls = [np.eye(64, dtype=np.float32) * (1 + row) for row in range(40)]  # climb key by key
    targets = np.arange(40) % 2
    dataset = Dataset(kind="series", items=rolls, targets=targets, classes=("up", "no"), name="made")
    found, *_ = examined(tmp_path / "final", dataset)
    picture = found["worst"][0]["thumbnail"].removeprefix("data:image/png;base64,")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))
    np.testing.assert_array_equal(pixels, 255 * np.eye(64, dtype=np.uint8)[::-1])
    assert found["worst"][0]["sparkline"] is None
