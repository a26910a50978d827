"""Continuing clips: losses and metrics by hand, similarity by brute force, a roll-out by its own loop."""

import numpy as np
import pytest
import torch

from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.data.audit import audit
from bicameral.data.dataset import Layout
from bicameral.data.read import read
from bicameral.data.split.splits import split
from bicameral.errors import ConfigError, DataError
from bicameral.problems.problem import Problem
from bicameral.tasks import Classify, Forecast, NextFrames, task_from_dict
from bicameral.tasks.network import Network
from bicameral.tasks.roll_out import can_continue
from bicameral.tasks.ssim import similarities
from bicameral.training.train import train

FIELDS = {"lookback": 3, "horizon": 2, "mean": (0.25,), "deviation": (0.5,), "low": 0.0, "high": 1.0}
TASK = NextFrames(frame=(1, 4, 5), bounded=True, threshold=0.5, **FIELDS)
CONTINUERS = [name for name in registry.names() if can_continue(registry.entry(name))]


def moving_dots(num_clips=12, num_frames=6, size=9):
    """A dot a clip that moves one pixel a frame and comes in again on the other side."""
    rng = np.random.default_rng(0)
    frames = np.zeros((num_clips, num_frames, size, size), np.uint8)
    for clip in frames:
        place, pace = rng.integers(0, size, 2), rng.integers(-1, 2, 2)
        for t, frame in enumerate(clip):
            frame[tuple((place + t * pace) % size)] = 255
    return frames


def test_metrics_are_sums_over_a_frame_and_means_over_pixels():
    y = torch.rand(3, 2, 1, 4, 5)
    output = torch.randn(3, 2, 1, 4, 5)
    raw = (output * 0.5 + 0.25).clamp(0, 1)
    error = (raw - y).double()
    found = TASK.metrics(output, y)
    assert found["mse"] == pytest.approx((error**2).sum((2, 3, 4)).mean().item(), rel=1e-5)
    assert found["mae"] == pytest.approx(error.abs().sum((2, 3, 4)).mean().item(), rel=1e-5)
    assert found["pixel_mse"] == pytest.approx(found["mse"] / 20)
    assert found["pixel_mae"] == pytest.approx(found["mae"] / 20)
    hits = ((raw >= 0.5) & (y >= 0.5)).sum() / ((raw >= 0.5) | (y >= 0.5)).sum()
    assert found["csi"] == pytest.approx(hits.item())
    assert TASK.outcomes(TASK.statistics(output, y)).mean() == pytest.approx(-found["mse"], rel=1e-5)
    assert np.mean(TASK.by_step(*TASK.values(output, y))) == pytest.approx(found["mse"], rel=1e-5)
    assert TASK.loss(output, y).item() == pytest.approx(
        (output - (y - 0.25) / 0.5).square().mean().item(), rel=1e-5
    )


def test_missing_pixels_count_nowhere():
    y, output = torch.rand(3, 2, 1, 4, 5), torch.randn(3, 2, 1, 4, 5)
    y[..., :2] = torch.nan
    other = output.clone()
    other[..., :2] += 100
    assert TASK.loss(output, y) == TASK.loss(other, y)
    torch.testing.assert_close(TASK.loss(output, y), TASK.loss(output[..., 2:], y[..., 2:]))
    assert TASK.metrics(output, y) == pytest.approx(TASK.metrics(other, y), nan_ok=True)
    narrow = NextFrames(frame=(1, 4, 3), bounded=True, threshold=0.5, **FIELDS)
    whole = narrow.metrics(output[..., 2:], y[..., 2:])
    found = TASK.metrics(output, y)
    assert {name: found[name] for name in ("mse", "pixel_mse", "csi")} == pytest.approx(
        {name: whole[name] for name in ("mse", "pixel_mse", "csi")}
    )
    output.requires_grad_()
    TASK.loss(output, y).backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    assert not output.grad[..., :2].any()


def structural_similarity(prediction, truth, span):
    total, count = similarities(prediction, truth, span).reshape(-1, 2).sum(0)
    return total / count if count else np.nan


def similarity_by_hand(a, b, span):
    """The paper's formula, one 11 x 11 window after another."""
    places = np.arange(11) - 5
    weights = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    found = []
    for row in range(a.shape[0] - 10):
        for column in range(a.shape[1] - 10):
            x, y = (m[row : row + 11, column : column + 11] for m in (a, b))
            mx, my = (weights * x).sum(), (weights * y).sum()
            vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
            cov = (weights * (x - mx) * (y - my)).sum()
            found.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return np.mean(found)


@pytest.mark.parametrize("span", [1.0, 255.0])
def test_similarity_equals_brute_force(span):
    rng = np.random.default_rng(1)
    truth = span * rng.random((2, 1, 17, 14))
    guess = truth + 0.1 * span * rng.standard_normal(truth.shape)
    expected = np.mean(
        [similarity_by_hand(a, b, span) for a, b in zip(guess[:, 0], truth[:, 0], strict=True)]
    )
    assert structural_similarity(guess, truth, span) == pytest.approx(expected, abs=1e-9)
    assert structural_similarity(truth, truth, span) == pytest.approx(1.0)


def test_similarity_leaves_out_windows_that_hold_nan():
    truth, guess = np.random.default_rng(2).random((2, 1, 30, 12))
    cut = truth.copy()
    cut[:, 20:] = np.nan
    assert structural_similarity(guess, cut, 1.0) == pytest.approx(
        structural_similarity(guess[:, :20], truth[:, :20], 1.0)
    )
    assert np.isnan(structural_similarity(guess, np.full_like(truth, np.nan), 1.0))


def test_task_survives_json():
    assert task_from_dict({**TASK.to_dict(), "frame": [1, 4, 5], "mean": [0.25]}) == TASK


@pytest.mark.parametrize("name", CONTINUERS)
def test_every_continuer_gives_frames(name):
    task = NextFrames(
        frame=(2, 9, 7), bounded=False, threshold=0.5, **FIELDS | {"mean": (0, 0), "deviation": (1, 1)}
    )
    network = Network(Layout("clip", (3, 2, 9, 7)), task, name)
    assert network(torch.randn(4, 3, 2, 9, 7)).shape == (4, 2, 2, 9, 7)


def test_roll_out_feeds_back_its_own_frames():
    network = Network(
        Layout("clip", (3, 1, 8, 8)),
        NextFrames(frame=(1, 8, 8), bounded=True, threshold=0.5, **FIELDS),
        "conv_lstm",
    )
    for parameter in network.head.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x = torch.randn(2, 3, 1, 8, 8)
    first, second = network(x).unbind(1)
    torch.testing.assert_close(network(torch.cat([x, first[:, None]], 1))[:, 0], second)


@pytest.mark.parametrize(
    ("name", "expected"), [("last_frame", "last"), ("mean_frame", "mean"), ("blank_frame", "blank")]
)
def test_baselines_are_what_they_say(name, expected):
    network = Network(
        Layout("clip", (3, 1, 8, 8)), NextFrames(frame=(1, 8, 8), bounded=True, threshold=0.5, **FIELDS), name
    )
    x = torch.randn(2, 3, 1, 8, 8)
    frame = {
        "last": x[:, -1],
        "mean": x.mean(1),
        "blank": x.flatten(1).amin(1)[:, None, None, None].expand(2, 1, 8, 8),
    }
    for found in network(x).unbind(1):
        torch.testing.assert_close(found, frame[expected])


def test_a_model_of_other_answers_is_refused():
    layout = Layout("clip", (3, 1, 4, 5))
    with pytest.raises(ConfigError, match="gru cannot continue clips"):
        Network(layout, TASK, "gru")
    with pytest.raises(ConfigError, match="only continues clips"):
        Network(layout, Classify(classes=("a", "b")), "last_frame")
    task = Forecast(lookback=3, horizon=2, columns=("a",), channels=(0,), mean=(0.0,), deviation=(1.0,))
    with pytest.raises(ConfigError, match="only continues clips"):
        Network(Layout("series", (3, 1)), task, "last_frame")


def test_windows_hold_what_the_clip_holds():
    frames = moving_dots()
    problem = Problem(
        read({"frames": frames, "y": np.arange(12)}, kind="clip", answer="next"), task_options={"horizon": 2}
    )
    assert problem.options.given == {"horizon": 2, "lookback": 4}
    windowed = problem.dataset
    assert windowed.ids[3] == "row 3:0"
    np.testing.assert_array_equal(windowed.items[3], frames[3, :4, None])
    np.testing.assert_array_equal(windowed.targets[[3]][0], frames[3, 4:, None] / np.float32(255))
    assert split(windowed, seed=0).how == "by recording"


def test_one_recording_is_cut_in_time_and_borders_are_kept():
    recording = np.random.default_rng(0).random((40, 6, 5)).astype(np.float32)
    dataset = read(recording, kind="clip", answer="next")
    assert dataset.items[0].shape == (40, 1, 6, 5)
    options = {"lookback": 3, "horizon": 2}
    parts = split(Problem(dataset, task_options=options).dataset, seed=0)
    assert parts.how == "by time"
    assert parts.train.max() + 2 <= parts.val.min()
    assert parts.val.max() + 2 <= parts.test.min()
    parts = split(Problem(dataset, task_options={**options, "borders": [20, 30, 40]}).dataset, seed=0)
    assert parts.how == "published"
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [16, 9, 9]


def test_a_published_split_of_recordings_is_kept():
    pair = list(np.random.default_rng(0).random((2, 20, 6, 5)).astype(np.float32))
    dataset = read({"x": pair, "split": ["train", "test"]}, kind="clip", answer="next")
    parts = split(Problem(dataset, task_options={"lookback": 3, "horizon": 2}).dataset, seed=0)
    assert parts.how == "published"
    assert set(parts.test) == set(range(16, 32))


def test_missing_values_and_pixels():
    recording = np.random.default_rng(0).integers(0, 9, (30, 12, 8)).astype(np.uint8)
    recording[:, :4] = 255
    problem = Problem(
        read(recording, kind="clip", answer="next", missing=255),
        task_options={"lookback": 3, "horizon": 2, "pixels": 6},
    )
    assert audit(problem.raw).passed
    draw = problem.draw(0)
    assert draw.task.frame == (1, 6, 4)
    assert not draw.task.bounded
    batch = draw.train.batch([0, 1])
    assert batch.x.isfinite().all()
    assert batch.y is not None
    assert batch.y[..., 0, :].isnan().all()
    assert draw.task.loss(Network(draw.train.layout, draw.task, "conv_lstm")(batch.x), batch.y).isfinite()


def test_what_cannot_be_continued_is_refused():
    with pytest.raises(DataError, match="only texts and series, and clips, are continued"):
        read(np.zeros((4, 1, 8, 8), np.uint8), answer="next")
    with pytest.raises(ConfigError, match="no option 'horizons'; did you mean 'horizon'"):
        Problem(read(moving_dots(), answer="next"), task_options={"horizons": 3})
    with pytest.raises(DataError, match="too short for lookback 5 and horizon 3"):
        Problem(read(moving_dots(), answer="next"), task_options={"horizon": 3, "lookback": 5})


def test_augmentation_of_the_past_alone_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="leave out augment"):
        train(
            read(moving_dots(), answer="next"),
            "conv_lstm",
            folder=tmp_path / "a",
            budget="1steps",
            recipe={"augment": True},
            progress=False,
        )


def test_training_learns_motion_and_the_artifact_goes_on(tmp_path):
    data, scores = moving_dots(40), {}
    for name, overrides in (("last_frame", {}), ("conv_lstm", {"width": 16, "depth": 1, "patch": 1})):
        artifact = train(
            read(data, answer="next"),
            name,
            folder=tmp_path / name,
            budget="60steps",
            overrides=overrides,
            recipe={"batch_size": 8, "learning_rate": 1e-2},
            data_options={"lookback": 4, "horizon": 2},
            progress=False,
        )
        scores[name] = artifact.card["test mse"]
    assert scores["conv_lstm"] < 0.7 * scores["last_frame"]
    loaded = Artifact.from_pretrained(tmp_path / "conv_lstm")
    answers = loaded.predict(read(data[:3], answer="next"))
    assert [answer["frames"].shape for answer in answers] == [(2, 1, 9, 9)] * 3
    assert answers[0]["frames"].dtype == np.uint8
    assert loaded.evaluate(read(data, answer="next"))["mse"] > 0
