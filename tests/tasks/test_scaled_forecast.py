"""Many series of different size: each window in units of its own, errors as MASE, every one counted alike."""

import numpy as np
import pytest
import torch

from bicameral import Artifact, train
from bicameral.data.dataset import Dataset
from bicameral.data.examples.season import season_of
from bicameral.errors import ConfigError
from bicameral.problems.problem import Problem
from bicameral.tasks.network import Network
from bicameral.training.closed_form import solve

SIZES = (1.0, 50.0, 3000.0, 1e6)


def crowd(steps: int = 160, sizes: tuple[float, ...] = SIZES) -> Dataset:
    """Days of 12 steps under noise, of very different size."""
    rng, t = np.random.default_rng(0), np.arange(steps)
    items = [
        (size * (5 + np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.1, steps)))[:, None].astype(np.float32)
        for size in sizes
    ]
    ids = [f"series {number}" for number in range(len(sizes))]
    return Dataset(name="crowd", kind="series", items=items, ids=ids, columns=("y",), target_columns=("y",))


def drawn(dataset: Dataset):
    return Problem(dataset, task_options={"horizon": 6, "lookback": 36}).draw(0)


def by_hand(item: np.ndarray, end: int, season: int = 12) -> float:
    """The denominator of MASE: mean absolute seasonal change of what is known."""
    known = item[:end, 0].astype(float)
    return float(np.abs(known[season:] - known[:-season]).mean())


def test_the_scale_is_that_of_mase_at_the_origin():
    dataset = crowd()
    problem = Problem(dataset, task_options={"horizon": 6, "lookback": 36})
    assert problem.options.season == 12
    for row in (0, 40, len(problem.dataset) - 1):
        name, start = problem.dataset.ids[row].rsplit(":", 1)
        item = dataset.items[dataset.ids.index(name)]
        target = problem.dataset.targets[row]
        np.testing.assert_allclose(target[:6, 0], item[int(start) + 36 : int(start) + 42, 0])
        assert target[6, 0] == pytest.approx(by_hand(item, int(start) + 36), rel=1e-4)


def test_metrics_are_those_of_m4():
    draw = drawn(crowd())
    batch = draw.judged.batch(np.arange(len(draw.judged)))
    network = Network(draw.preprocessing.layout, draw.task, "seasonal_naive").eval()
    found = draw.task.metrics(network(batch.x), batch.y)
    p, y, scale = network(batch.x).double()[..., 0], batch.y[:, :6, 0].double(), batch.y[:, 6:, 0].double()
    assert found["mase"] == pytest.approx(((p - y).abs() / scale).mean().item(), rel=1e-5)
    assert found["smape"] == pytest.approx((2 * (p - y).abs() / (p.abs() + y.abs())).mean().item(), rel=1e-5)
    assert draw.task.metric == "mase"
    assert not {"mse", "mae"} & set(found)


@pytest.mark.parametrize("model", ["nlinear", "gru", "mini_rocket", "seasonal_naive"])
def test_the_size_of_a_series_changes_nothing_but_the_units(model):
    draw = drawn(crowd())
    network = Network(draw.preprocessing.layout, draw.task, model).double().eval()
    x = draw.train.batch(np.arange(5)).x.double()
    torch.testing.assert_close(network(1000 * x), 1000 * network(x))
    torch.testing.assert_close(network(x + 7), network(x) + 7)


def test_a_ridge_is_solved_in_the_units_of_each_window():
    draw = drawn(crowd())
    network = Network(draw.preprocessing.layout, draw.task, "mini_rocket", {"num_features": 84}).eval()
    solve(network, draw.task, draw.train)
    batch = draw.judged.batch(np.arange(len(draw.judged)))
    with torch.no_grad():
        assert draw.task.metrics(network(batch.x), batch.y)["mase"] < 5


def test_many_series_are_learned_whatever_their_size(tmp_path):
    made = train(
        crowd(), "nlinear", folder=tmp_path / "a", budget="60steps", progress=False,
        data_options={"horizon": 6, "lookback": 36}, recipe={"learning_rate": 1e-2},
    )  # fmt: skip
    assert made.card["test mase"] < 1.2
    again = Artifact.from_pretrained(tmp_path / "a")
    answers = again.predict(crowd())
    for answer, size in zip(answers, SIZES, strict=True):
        assert np.abs(np.array(answer["y"]) / size - 5).max() < 2
    with pytest.raises(ConfigError, match="use predict"):
        again.stream()


def test_a_series_that_never_moves_breaks_nothing():
    flat = crowd()
    flat.items[0][:] = 3.0
    flat.items[1][:] = 0.0
    draw = drawn(flat)
    network = Network(draw.preprocessing.layout, draw.task, "nlinear").eval()
    batch = draw.judged.batch(np.arange(len(draw.judged)))
    with torch.no_grad():
        assert np.isfinite(draw.task.metrics(network(batch.x), batch.y)["mase"])


def test_one_series_stays_in_the_units_of_the_literature():
    draw = drawn(crowd(sizes=(50.0,)))
    assert not draw.task.scaled
    assert draw.task.metric == "mse"
    assert draw.train.batch(np.arange(2)).y.shape == (2, 6, 1)


@pytest.mark.parametrize(
    ("step", "season"), [("h", 24), ("D", 7), ("W", 52), ("M", 12), ("Y", 1)]
)  # fmt: skip
def test_the_clock_tells_the_season(step, season):
    times = [np.datetime64("2020", step) + np.arange(60)]
    item = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32)
    assert season_of(Dataset(name="x", kind="series", items=[item], times=times, columns=("y",))) == season


def test_without_a_clock_what_repeats_tells_it():
    assert season_of(crowd()) == 12
    noise = [np.random.default_rng(0).normal(size=(200, 1)).astype(np.float32)]
    assert season_of(Dataset(name="noise", kind="series", items=noise, columns=("y",))) == 1


def test_the_seasonal_yardstick_knows_the_season():
    draw = drawn(crowd())
    network = Network(draw.preprocessing.layout, draw.task, "seasonal_naive")
    assert network.backbone.season == 12
