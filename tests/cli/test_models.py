"""The table of models, and the page made from it."""

import json

from bicameral import registry


def test_every_model_is_listed(bicameral):
    rows = json.loads(bicameral("models", "--json").stdout)
    assert {row["model"] for row in rows} == set(registry.names())


def test_one_model_shows_its_settings(bicameral):
    facts = json.loads(bicameral("models", "lstm", "--json").stdout)
    assert facts["settings"]["width"] == registry.entry("lstm").configure({}).width


def test_parameters_are_counted(bicameral):
    """A GRU of width w on d channels has 3 (w d + w w) weights and 6 w biases, as torch counts them."""
    facts = json.loads(bicameral("models", "gru", "--json").stdout)
    width, channels = facts["settings"]["width"], 8
    assert facts["parameters"] >= 3 * (width * channels + width * width)


def test_a_misspelt_model_gets_the_nearest_name(bicameral):
    result = bicameral("models", "lstn")
    assert result.exit_code == 2
    assert "did you mean 'lstm'?" in result.stderr


def test_the_page_in_the_documents_is_fresh(bicameral, pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == bicameral("models", "--markdown").stdout, "run: make docs"
