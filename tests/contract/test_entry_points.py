"""Packages that bring a model or a task, as installed: one that works, and some that are broken."""

import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from bicameral import registry
from bicameral.cli import app
from bicameral.data.read import read
from bicameral.errors import PlugInError, UnknownNameError
from bicameral.tasks import task_from_dict, task_of
from bicameral.testing import task_laws

MODEL = '''
"""The mean of all frames."""
from dataclasses import dataclass
import torch
from typer.testing import CliRunner
from torch import nn
from bicameral.registry import model

@dataclass(frozen=True, kw_only=True)
class Config:
    pass

@model("outside_mean", config=Config, family="control", reads="sequence", gives="vector",
       paper="https://example.org", sizes={"default": {}})
class Mean(nn.Module):
    """The mean of all frames."""
    def __init__(self, shape, config):
        super().__init__()
        self.width = shape[-1]
    def forward(self, x):
        return x.mean(1)
'''
TASK = '''
from dataclasses import dataclass
from typing import ClassVar
from bicameral import registry
from bicameral.tasks.classify import Classify

@registry.task
@dataclass(frozen=True, kw_only=True)
class Ordered(Classify):
    """Classes that have an order."""
    name: ClassVar[str] = "outside_ordered"
'''
FILES = {
    "outside_model": MODEL,
    "outside_task": TASK,
    "outside_torn": "import a_module_that_nobody_has",
    "outside_old": MODEL.replace("outside_mean", "outside_old").replace(', sizes={"default": {}}', ""),
    "outside_empty": "",
}
POINTS = """
[bicameral.models]
outside_mean = outside_model
outside_torn = outside_torn
outside_old = outside_old
outside_empty = outside_empty

[bicameral.tasks]
outside_ordered = outside_task
outside_lost = outside_torn:Nothing
"""
BROKEN = {
    "outside_torn": "No module named 'a_module_that_nobody_has'",
    "outside_old": "it has no sizes",
    "outside_empty": "it registers no model called 'outside_empty'",
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on the path, with the metadata that pip would have written."""
    for name, source in FILES.items():
        (tmp_path / f"{name}.py").write_text(source)
    metadata = tmp_path / "outside-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [*FILES, "outside_mean", "outside_ordered"]:
        sys.modules.pop(name, None)
        registry.models.things.pop(name, None)
        registry.tasks.things.pop(name, None)


@pytest.fixture
def dataset():
    return read((np.zeros((6, 4, 2)), np.array(["a", "b", "c"] * 2)))


def test_a_model_of_another_package_is_one_like_ours(installed):
    entry = registry.entry("outside_mean")
    assert entry in registry.entries()
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(entry.build((5, 3), entry.configure({}))(x), x.mean(1))


def test_a_broken_package_is_named_and_breaks_nothing(installed):
    reasons = {one.name: one.reason for one in registry.models.broken()}
    assert reasons.keys() == BROKEN.keys()
    for name, reason in BROKEN.items():
        assert reason in reasons[name]
        assert "of outside" in reasons[name]
        assert "\n" not in reasons[name]
        with pytest.raises(PlugInError, match=f"the model '{name}' is broken: entry point"):
            registry.entry(name)
    assert not BROKEN.keys() & {entry.name for entry in registry.entries()}
    with pytest.raises(UnknownNameError, match="no model called 'outside_men'; did you mean 'outside_mean'"):
        registry.entry("outside_men")


def test_the_list_of_models_tells_them_in_a_line_each(installed):
    printed = CliRunner().invoke(app, ["models"])
    assert printed.exit_code == 0
    assert "outside_mean" in printed.stdout
    told = [line for line in printed.stderr.splitlines() if line.startswith("left out: ")]
    assert len(told) == len(BROKEN)
    assert all(any(name in line for line in told) for name in BROKEN)


def test_a_task_of_another_package_obeys_the_laws(installed, dataset):
    cls = task_of(dataset, "outside_ordered")
    task = cls.fitted(dataset, np.arange(6), None, cls.read_options(dataset, {}))
    assert task_from_dict(task.to_dict()) == task
    for _, law in task_laws(task, torch.arange(8) % len(task.classes)):
        law()
    with pytest.raises(PlugInError, match="the task 'outside_lost' is broken"):
        task_of(dataset, "outside_lost")
    assert task_of(dataset).name == "classify"
