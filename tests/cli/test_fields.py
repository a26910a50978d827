"""field=value: values by type, mistakes with a suggestion."""

import pytest

from bicameral.cli.fields import divide, parse
from bicameral.errors import ConfigError


def test_values_get_the_type_they_look_like():
    words = ["width=64", "rate=1e-3", "drop=.5", "kernels=[3, 5]", "cell=gru", "bias=false", "ema=null"]
    assert parse(words) == {
        "width": 64,
        "rate": 1e-3,
        "drop": 0.5,
        "kernels": [3, 5],
        "cell": "gru",
        "bias": False,
        "ema": None,
    }


def test_nothing_given_is_nothing():
    assert parse(None) == {}


def test_a_value_may_hold_an_equals_sign():
    assert parse(["target=a=b"]) == {"target": "a=b"}


@pytest.mark.parametrize("word", ["width", "=3", "a b=3", "x=[1"])
def test_what_is_no_setting_is_refused_by_name(word):
    with pytest.raises(ConfigError, match=r"field=value|cannot read"):
        parse([word])


OWNERS = {"model": ["width"], "recipe": ["width", "learning_rate"]}


def test_the_first_owner_takes_the_field():
    parts = divide({"width": 1, "learning_rate": 2, "target": "price"}, OWNERS, rest="data")
    assert parts == {"model": {"width": 1}, "recipe": {"learning_rate": 2}, "data": {"target": "price"}}


def test_a_slip_of_the_pen_gets_the_nearest_name():
    with pytest.raises(ConfigError, match="'widht'; did you mean 'width'"):
        divide({"widht": 1}, OWNERS, rest="data")
