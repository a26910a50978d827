"""The documents name what exists."""

import dataclasses
import re

import pytest
import yaml

import bicameral
from bicameral import registry
from bicameral.cli.app import app
from bicameral.training.recipe import Recipe

LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


@pytest.fixture(scope="module")
def documents(root):
    """Every Markdown file a reader meets, by its path."""
    pages = [*root.glob("*.md"), *root.joinpath("docs").glob("*.md")]
    return {page: page.read_text(encoding="utf-8") for page in pages}


def test_links_lead_somewhere(documents):
    broken = [
        f"{page.name}: {link}"
        for page, text in documents.items()
        for link in LINK.findall(text)
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_command_shown_exists(documents):
    verbs = {command.name for command in app.registered_commands}
    shown = {verb for text in documents.values() for verb in re.findall(r"`bicameral ([a-z]+)\b", text)}
    assert shown - verbs == set()
    assert verbs - shown == set()


def test_the_recipe_is_told_in_full(documents, root):
    text = documents[root / "docs" / "training.md"]
    table = text.split("| recipe |")[1].split("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", table))
    fields = {field.name for field in dataclasses.fields(Recipe)}
    assert told - {"balanced"} == fields


def test_every_model_named_in_the_documents_exists(documents):
    shown = {name for text in documents.values() for name in re.findall(r"--model (\w+)(?!\.py)\b", text)}
    assert shown <= set(registry.names())


def test_no_machine_is_named(documents, root):
    private = re.compile(r"/work/|/home/|/root/|localhost|127\.0\.0\.1")
    files = [*documents, root / "Makefile", root / "pyproject.toml", root / "constraints.txt"]
    assert [file.name for file in files if private.search(file.read_text(encoding="utf-8"))] == []


def test_the_citation_has_the_version(root):
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == bicameral.__version__


def test_ci_runs_what_is_pinned(root):
    """Every direct dependency has one version in the constraints."""
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[>=<]", line)[0].lower() for line in wanted} - {"bicameral"}
    pinned = set(re.findall(r"^([\w-]+)==", (root / "constraints.txt").read_text(), re.MULTILINE))
    assert names - pinned == set()


@pytest.mark.parametrize("package", ["data", "studies"])
def test_the_map_shows_every_module(documents, root, package):
    text = documents[root / "docs" / "architecture.md"]
    rows = re.findall(r"^\| (.*?) \|", text.split(f"### Inside `{package}`")[1].split("\n#")[0], re.MULTILINE)
    home = root / "src" / "bicameral" / package
    modules = {path.stem for path in home.glob("[!_]*.py")} | {path.name for path in home.glob("*.yaml")}
    folders = {f"{path.parent.name}/" for path in home.glob("*/__init__.py")}
    assert set(re.findall(r"`(.+?)`", " ".join(rows))) == modules | folders
