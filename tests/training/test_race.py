"""The race behind `train` without a model: who takes part, who leads, what is kept."""

import json

import numpy as np
import pytest
import torch

from bicameral import Artifact, train
from bicameral.data.dataset import Dataset
from bicameral.errors import ConfigError
from bicameral.tasks import Classify
from bicameral.tasks.blended import Blend
from bicameral.tasks.network import Network
from bicameral.training.affordable import affordable, is_slow
from bicameral.training.best import choose, race_of, train_best
from bicameral.training.blend import blended
from bicameral.training.budgets import Budget
from bicameral.training.contestants import Contestant, contestants, kind_of
from bicameral.training.leading import is_clearly_ahead
from bicameral.training.prepare import ready
from bicameral.training.race import Race
from bicameral.training.refit import rows_of


def waves(count: int = 120) -> Dataset:
    """Slow and fast sines of random phase under noise."""
    rng = np.random.default_rng(0)
    y, phase = np.arange(count) % 2, rng.uniform(0, 6, (count, 1))
    x = np.sin(np.linspace(0, 6, 32) * (1 + 2 * y[:, None]) + phase) + rng.normal(0, 0.3, (count, 32))
    return Dataset(
        name="waves",
        kind="series",
        items=list(x[..., None].astype(np.float32)),
        targets=y,
        classes=("a", "b"),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("race") / "best"
    return train(waves(), folder=folder, budget="4steps", progress=False), folder


def test_the_default_is_solved_where_that_is_best(made):
    artifact, _ = made
    assert artifact.card["model"] in ("mini_rocket", "multi_rocket_hydra", "summary_trees", "blend")
    assert artifact.card["test accuracy"] > 0.9


def test_the_card_has_the_table_and_the_yardstick(made):
    _, folder = made
    card = json.loads((folder / "config.json").read_text())["card"]
    rows = {row["contestant"]: row for row in card["race"]}
    assert rows["majority"]["val accuracy"] <= 0.6
    assert card["yardstick"] in rows
    assert 0 <= card["yardstick test accuracy"] <= 1
    assert card["fitted to"] == "train and val"
    assert card["seed"] == 0
    assert card["versions"]["torch"] == torch.__version__
    assert "contestant majority" in (folder / "card.md").read_text()


def test_what_was_saved_answers_as_it_did(made):
    artifact, folder = made
    again, dataset = Artifact.from_pretrained(folder), waves(20)
    torch.testing.assert_close(again.outputs(dataset), artifact.outputs(dataset))


def test_the_same_seed_gives_the_same_artifact(made, tmp_path):
    artifact, _ = made
    again = train(waves(), folder=tmp_path / "best", budget="4steps", progress=False)
    for name, value in artifact.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value, rtol=0, atol=0)


def entered(found, *names: str, **trained) -> list[Contestant]:
    solved = [Contestant(name, "trivial" if name == "majority" else "solved") for name in names]
    return solved + [Contestant(name, "trained", epochs=epochs) for name, epochs in trained.items()]


def test_a_network_that_cannot_see_the_data_often_enough_is_left_out():
    race = race_of(ready(waves(), {}), budget="1000s", seed=0, recipe=None)
    race.entered = entered(race, "majority", gru=(1e9, 1e9))
    assert race.run().contestant.model == "majority"
    assert "it needs 1e+09" in race.runs[-1].note


def test_a_network_worse_than_the_yardstick_is_never_kept():
    found = ready(waves(), {})
    race = race_of(found, budget="1steps", seed=0, recipe={"learning_rate": 1e-9})
    race.entered = entered(found, "majority", "mini_rocket", gru=(0, 1))
    assert race.run().contestant.model == "mini_rocket"
    assert [run.contestant.model for run in race.finished] == ["majority", "mini_rocket", "gru"]


def test_one_that_fails_is_out_and_the_race_goes_on(monkeypatch):
    found = ready(waves(), {})
    race = race_of(found, budget="1steps", seed=0, recipe=None)
    race.entered = entered(found, "majority", "seasonal_naive", "mini_rocket")
    assert race.run().contestant.model == "mini_rocket"
    assert race.runs[1].note.startswith("out: seasonal_naive only forecasts")


def test_several_networks_have_a_trial_and_the_best_goes_on():
    race = race_of(ready(waves(), {}), budget="3s", seed=0, recipe=None)
    race.entered = entered(race, "majority", mlp=(1, 1e9), bag_of_steps=(1, 1e9))
    race.run()
    assert [run.note for run in race.runs] == ["", "trial", "trial", ""]
    trials = {run.contestant.model: run.merit for run in race.runs[1:3]}
    assert race.runs[3].contestant.model == max(trials, key=lambda name: trials[name])
    assert race.left() > -1


def test_ctrl_c_keeps_the_best_so_far(tmp_path, monkeypatch):
    def stop(_race, _able):
        raise KeyboardInterrupt

    monkeypatch.setattr(Race, "_train", stop)
    with pytest.raises(KeyboardInterrupt, match="the best so far is kept"):
        train_best(waves(), folder=tmp_path / "best", budget="1steps", progress=False)
    kept = Artifact.from_pretrained(tmp_path / "best")
    assert kept.card["test accuracy"] > 0.8


def test_a_first_answer_stands_before_the_race_is_over(tmp_path, monkeypatch):
    seen = []

    def look(_race, _able):
        seen.append(Artifact.from_pretrained(tmp_path / "best").card["unfinished"])

    monkeypatch.setattr(Race, "_train", look)
    train_best(waves(), folder=tmp_path / "best", budget="1steps", progress=False)
    assert seen == ["the best so far of a race that went on"]
    assert "unfinished" not in Artifact.from_pretrained(tmp_path / "best").card


@pytest.mark.parametrize("wrong", [{"size": "small"}, {"overrides": {"width": 3}}, {"validate": False}])
def test_what_belongs_to_one_model_is_refused(wrong, tmp_path):
    with pytest.raises(ConfigError, match="name it with --model"):
        train(waves(), folder=tmp_path / "best", **wrong)


def test_a_dry_run_says_what_the_budget_holds(tmp_path):
    plan = train(waves(), folder=tmp_path / "best", budget="1s", dry_run=True, progress=False)
    said = {row["contestant"]: row["plan"] for row in plan["race"]}
    assert said["majority"] == "solved at once"
    assert any("epochs fit" in row for row in said.values())
    assert not (tmp_path / "best").exists()


def test_every_kind_has_a_yardstick_and_somebody_to_beat_it():
    for kind in ("table", "series", "image", "colour image", "sound", "clip", "text", "forecast"):
        ways = [contestant.way for contestant in contestants(kind)]
        assert ways.count("trivial") >= 1, kind
        assert ways.count("trained") >= 1, kind
        assert ways == sorted(ways, key=["trivial", "solved", "trained"].index), kind


def test_kinds_are_told_apart():
    found = ready(waves(), {})
    assert kind_of(found.problem.raw, found.draw.preprocessing.layout) == "series"
    table = (np.random.default_rng(0).normal(size=(60, 1, 4)).astype(np.float32), np.arange(60) % 2)
    found = ready(table, {})
    assert kind_of(found.problem.raw, found.draw.preprocessing.layout) == "table"


TASK = Classify(classes=("a", "b"))


def votes(y: torch.Tensor, wrong: slice) -> torch.Tensor:
    """Logits that are right but for some rows, and unsure there."""
    output = torch.nn.functional.one_hot(y, 2).double() * 4
    output[wrong] = torch.tensor([0.5, 0.5]) + (torch.nn.functional.one_hot(1 - y[wrong], 2) * 0.4)
    return output.float()


def test_who_errs_elsewhere_is_blended_in():
    y = torch.arange(200) % 2
    first, second = votes(y, slice(0, 200, 5)), votes(y, slice(1, 200, 5))
    weights = blended(TASK, [first, second], 0, y)
    assert weights is not None
    assert min(weights) > 0.2
    assert TASK.score(TASK.mixed([first, second], weights), y) == 1


def test_noise_is_not_blended_in():
    y, generator = torch.arange(200) % 2, torch.Generator().manual_seed(0)
    noise = [torch.randn(200, 2, generator=generator) for _ in range(5)]
    assert blended(TASK, [votes(y, slice(0, 200, 5)), *noise], 0, y) is None


def test_a_lead_within_its_noise_is_none():
    y = torch.arange(100) % 2
    assert not is_clearly_ahead(TASK, votes(y, slice(0, 100, 20)), votes(y, slice(1, 100, 19)), y)
    assert is_clearly_ahead(TASK, votes(y, slice(0, 100, 50)), votes(y, slice(1, 100, 3)), y)


def test_a_blend_is_saved_whole_and_refuses_to_stream(tmp_path):
    found = ready(waves(), {})
    race = race_of(found, budget="1steps", seed=0, recipe=None)
    race.entered = entered(found, "majority", "mini_rocket")
    race.run()
    blend = Blend([run.network for run in race.runs], [0.25, 0.75]).eval()
    artifact = Artifact(blend, found.draw.preprocessing, race.task)
    artifact.save_pretrained(tmp_path / "blend")
    again = Artifact.from_pretrained(tmp_path / "blend")
    torch.testing.assert_close(again.outputs(waves(9)), artifact.outputs(waves(9)))
    expected = 0.25 * race.runs[0].network.cpu()(*_batch(found)).softmax(-1)
    expected = expected + 0.75 * race.runs[1].network(*_batch(found)).softmax(-1)
    torch.testing.assert_close(blend(*_batch(found)).softmax(-1), expected)
    with pytest.raises(ConfigError, match="a blend of several models answers whole examples"):
        again.stream()


def _batch(found):
    batch = found.draw.val.batch(np.arange(5))
    return batch.x, batch.lengths


def test_the_leader_alone_where_nothing_may_be_blended():
    found = ready(waves(), {})
    race = race_of(found, budget="1steps", seed=0, recipe=None)
    race.entered = entered(found, "majority", "mini_rocket")
    race.run()
    assert choose(race, blend=False).name == "mini_rocket"


def monthly(steps: int = 144) -> Dataset:
    """A trend and a season of twelve."""
    months = np.arange(steps)
    values = 100 + months + 20 * np.sin(2 * np.pi * months / 12)
    columns = ("sold",)
    items = [values[:, None].astype(np.float32)]
    return Dataset(
        name="months", kind="series", items=items, ids=["a"], columns=columns, target_columns=columns
    )


@pytest.mark.parametrize(("steps", "horizon"), [(144, 24), (108, 24), (120, 12), (60, 12)])
def test_a_short_series_is_answered(steps, horizon, tmp_path):
    asked = {"data_options": {"horizon": horizon}, "budget": "1steps", "progress": False}
    made = train(monthly(steps), folder=tmp_path / "best", **asked)
    assert len(made.predict(monthly(steps))[0]["sold"]) == horizon
    assert "test mae" in made.card


def test_a_forecast_ends_up_fitted_to_the_last_row(tmp_path):
    made = train(monthly(), "nlinear", folder=tmp_path / "one", budget="1steps", progress=False)
    assert "fitted to" not in made.card
    found = ready(monthly(), {"horizon": 6})
    rows = rows_of(found)
    assert len(rows.rest()) < len(rows.everything()) == len(found.problem.dataset)
    seen = found.problem.dataset.properties["end"][rows.rest().index.numpy()]
    assert seen.max() < found.problem.dataset.properties["begin"][found.parts.test].min()


def test_what_takes_too_long_is_left_out_or_solved_on_a_part():
    draw = ready(waves(4000), {}).draw
    network = Network(draw.preprocessing.layout, draw.task, "mini_rocket", {"num_features": 84}).eval()
    budget = Budget(seconds=60)
    assert is_slow(network, draw.val, budget, left=30)
    assert not is_slow(network, draw.val, budget, left=60)
    assert affordable(network, draw.train, budget, 29, seed=0) is None
    assert affordable(network, draw.train, budget, 30.000001, seed=0) is None
    assert affordable(network, draw.train, budget, 60, seed=0) is draw.train
    assert affordable(network, draw.train, Budget(steps=1), 0, seed=0) is draw.train
