"""Settings are checked once, and say what to do."""

import json
from dataclasses import asdict

import pytest

from bicameral.errors import ConfigError
from bicameral.training import Budget, Recipe, recipe_from_dict


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 0.1}, "no Recipe field called 'learning_rat'; did you mean 'learning_rate'"),
        ({"optimizer": "adma"}, "optimizer cannot be 'adma'; did you mean 'adam'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"learning_rate": -1.0}, "learning_rate lies between 1e-12 and 1000, not -1"),
        ({"warmup": 1.5}, "warmup lies between 0 and 0.9"),
        ({"batch_size": 0}, "batch_size lies between 1"),
        ({"patience": 0}, "patience lies between 1"),
        ({"compile": "never"}, "compile cannot be 'never'"),
    ],
)
def test_a_wrong_setting_names_the_right_one(settings, message):
    with pytest.raises(ConfigError, match=message.replace("'", ".")):
        recipe_from_dict(settings)


def test_a_recipe_survives_json():
    recipe = Recipe(augment=("jitter", "scale"), ema=0.99)
    assert recipe_from_dict(json.loads(json.dumps(asdict(recipe)))) == recipe


@pytest.mark.parametrize("given", [{}, {"steps": 3, "epochs": 1}, {"seconds": 0.0}, {"steps": -1}], ids=str)
def test_a_budget_is_exactly_one_amount(given):
    with pytest.raises(ConfigError, match="budget"):
        Budget(**given)


def test_a_budget_counts_seconds_or_steps():
    assert Budget(seconds=9.0).total(100) == 9
    assert Budget(steps=7).total(100) == 7
    assert Budget(epochs=7).total(100) == 700
