"""Every config refuses what it cannot mean and says what it expected."""

import dataclasses

import pytest

from bicameral import registry
from bicameral.errors import ConfigError

ENTRIES = [entry for entry in registry.entries() if entry.cls.__module__.startswith("bicameral.")]
COUNTS = [
    (entry.name, field.name)
    for entry in ENTRIES
    for field in dataclasses.fields(entry.config)
    if field.type in (int, "int")
]
FRACTIONS = [(entry.name, "dropout") for entry in ENTRIES if "dropout" in entry.config.__dataclass_fields__]


@pytest.mark.parametrize(("name", "field"), COUNTS)
@pytest.mark.parametrize("value", [0, -3])
def test_counts_are_at_least_one(name, field, value):
    with pytest.raises(ConfigError, match=field):
        registry.entry(name).configure({field: value})


@pytest.mark.parametrize(("name", "field"), FRACTIONS)
@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_fractions_are_below_one(name, field, value):
    with pytest.raises(ConfigError, match=rf"{field} is {value}; expected at least 0"):
        registry.entry(name).configure({field: value})


def test_a_near_miss_is_named():
    with pytest.raises(ConfigError, match="did you mean 'large'"):
        registry.entry("resnet").configure({"stem": "larg"})


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_file_config_and_sizes_agree(entry):
    assert entry.cls.__module__ == f"bicameral.models.{entry.name}"
    assert entry.config.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(entry.config))
    assert set(entry.sizes) in ({"default"}, {"small", "medium", "large"})
    for size in entry.sizes.values():
        entry.configure(size)
