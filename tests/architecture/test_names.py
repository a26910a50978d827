"""A newcomer can name the file before opening it."""

import re

from bicameral import registry

NOWHERE = {"utils", "util", "common", "core", "base", "misc", "helpers"}


def test_no_drawer_for_odds_and_ends(sources):
    parts = {source.name: set(source.path.with_suffix("").parts) for source in sources}
    assert [name for name, words in parts.items() if words & NOWHERE] == []


def test_a_model_is_called_like_its_file():
    entries = registry.entries()
    modules = {entry.name: entry.cls.__module__ for entry in entries}
    builtin = {name: home for name, home in modules.items() if home.startswith("bicameral.")}
    assert builtin == {name: f"bicameral.models.{name}" for name in builtin}


def test_one_model_a_file(sources):
    counts = {
        source.name: len(re.findall(r"^@model\(", source.text, re.MULTILINE))
        for source in sources
        if source.path.parent.name == "models" and source.path.name != "__init__.py"
    }
    assert {name: count for name, count in counts.items() if count != 1} == {}


def test_every_model_names_its_paper_and_documents_itself():
    for entry in registry.entries():
        assert entry.paper.startswith("https://"), f"{entry.name} has no paper to read"
        assert (entry.cls.__doc__ or "").strip(), f"{entry.name} has no docstring"
