"""Rules name what exists, cite what can be found, and give way to what was measured."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_wine

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.probes import PROBES, Probe
from bicameral.probes.recommend import candidates, cost, recommend, rules
from bicameral.problems.problem import Problem


def series(count=60, steps=24):
    items = list(np.random.default_rng(0).normal(size=(count, steps, 2)).astype(np.float32))
    return Dataset(name="s", kind="series", items=items, targets=np.arange(count) % 2, classes=("a", "b"))


def pictures():
    items = list(np.random.default_rng(0).integers(0, 255, (60, 1, 12, 12)).astype(np.uint8))
    return Dataset(name="p", kind="image", items=items, targets=np.arange(60) % 2, classes=("a", "b"))


def clips():
    items = list(np.random.default_rng(0).integers(0, 255, (12, 4, 1, 16, 16)).astype(np.uint8))
    return Dataset(
        name="c", kind="clip", items=items, targets=np.arange(12) % 2, classes=("a", "b"), rate=8.0
    )


def order(low, high):
    return Probe(
        name="order", effect=(low + high) / 2, low=low, high=high, null_low=-1.0, null_high=1.0,
        sentence="shuffling the steps was measured",
    )  # fmt: skip


def places(ranking):
    return {place["model"]: place for place in ranking}


def test_the_table_names_registered_models_and_real_probes():
    table, families = rules(), {entry.family for entry in registry.entries()}
    unbuilt = {name for rule in table["rules"] for name in rule.get("unbuilt", {})}
    known = {*registry.names(), *families, *unbuilt}
    assert all(set(rule["points"]) <= known for rule in table["rules"])
    assert {name for menu in table["menu"].values() for names in menu.values() for name in names} <= known
    assert {rule["probe"] for rule in table["measured"]} <= set(PROBES)


def test_the_menu_files_every_model_under_its_family():
    for menu in rules()["menu"].values():
        for family, names in menu.items():
            assert all(registry.entry(name).family == family for name in names if name in registry.names())


def test_every_rule_cites_a_paper():
    for rule in rules()["rules"]:
        assert any(where in rule["source"] for where in ("arXiv ", "doi ", "jmlr.org/")), rule


@pytest.mark.parametrize("dataset", [series(), pictures(), clips(), replace(series(), targets=None)])
def test_candidates_cover_all_families(dataset):
    found = {registry.entry(name).family for name in candidates(dataset)}
    assert found >= {"convolutional", "recurrent", "hybrid", "attention", "baseline"}


def features(targets=None):
    """Wine: 13 features, no steps in time."""
    x, y = load_wine(return_X_y=True)
    return read((x.astype(np.float32), y if targets is None else targets))


def test_a_table_of_features_meets_models_of_features():
    found = candidates(features())
    assert set(found) >= {"majority", "logistic", "mlp", "gradient_boosting", "extra_trees", "knn", "rbf_svm"}
    assert not {"fcn", "gru", "transformer", "mini_rocket"} & set(found)
    numbers = candidates(features(np.random.default_rng(0).normal(size=178)))
    assert set(numbers) >= {"mlp", "gradient_boosting"}


def test_on_features_the_trees_are_named_first():
    names = [place["model"] for place in recommend(features())]
    assert names[0] in ("extra_trees", "gradient_boosting", "rbf_svm")
    assert "logistic" in names
    assert "majority" not in names


def test_without_probes_the_rules_rank():
    ranking = recommend(pictures())
    assert [place["rank"] for place in ranking] == list(range(1, len(ranking) + 1))
    assert ranking[0]["family"] == "convolutional"
    assert ranking[0]["confidence"] == "medium"
    assert "LeCun" in ranking[0]["reasons"][0]["source"]
    json.dumps(ranking)


def test_of_equals_the_cheaper_comes_first():
    ranking = [place for place in recommend(pictures()) if place["flops"] is not None]
    keys = [(-place["points"], place["flops"]) for place in ranking]
    assert keys == sorted(keys)
    assert len({place["points"] for place in ranking}) < len(ranking)


def test_a_found_order_lifts_recurrence_and_says_why():
    before, after = recommend(series()), recommend(series(), [order(10.0, 14.0)])
    assert places(after)["gru"]["rank"] < places(before)["gru"]["rank"]
    gru = places(after)["gru"]
    assert gru["confidence"] == "high"
    assert gru["reasons"][0] == {"text": "shuffling the steps was measured", "source": "measured here: order"}


def test_a_measurement_overrules_the_rule_it_contradicts():
    gru = places(recommend(series(), [order(-0.5, 0.5).to_dict()]))["gru"]
    assert any(
        reason["text"].startswith("overruled by the probes: gated recurrence") for reason in gru["reasons"]
    )
    assert gru["points"] == -3
    assert gru["confidence"] == "low"


@pytest.mark.parametrize("probe", [order(-20.0, 30.0), Probe(name="order", skipped="no time")])
def test_an_undecided_or_skipped_probe_changes_nothing(probe):
    models = [[place["model"] for place in recommend(series(), probes)] for probes in ([], [probe])]
    assert models[0] == models[1]


def test_costs_are_those_of_the_network():
    draw = Problem(series()).draw(0)
    found = cost("linear", draw, 100)
    assert found["parameters"] > 0
    assert found["flops"] > 0
    assert found["seconds_per_epoch"] > 0


def test_what_is_not_built_is_said():
    last = recommend(clips())[-1]
    assert ("conv_lstm" in registry.names()) != (
        last["model"] == "conv_lstm" and "not built" in last["reasons"][0]["text"]
    )
