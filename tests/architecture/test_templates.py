"""The templates of CONTRIBUTING work as they stand: laws, config, a training, a paper's parameter count."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.errors import ConfigError
from bicameral.testing import model_laws, task_laws, tracing
from bicameral.training.train import train


@pytest.fixture
def templates(pytestconfig):
    """The blocks of the page, each imported as a module."""
    page = (pytestconfig.rootpath / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = {}
    for number, source in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
        module = ModuleType(f"template_{number}")
        sys.modules[module.__name__] = module
        exec(compile(source, f"CONTRIBUTING.md block {number}", "exec"), vars(module))
        found[number] = module
    yield found
    for module in found.values():
        del sys.modules[module.__name__]
    registry.models.things.pop("mgu", None)
    registry.tasks.things.pop("count", None)


def test_the_model_obeys_every_law(templates):
    entry = registry.entry("mgu")
    for _, law in model_laws(entry):
        if law.func not in tracing.LAWS:  # which cannot look through the type checks of the suite
            law()
    with pytest.raises(ConfigError, match="width"):
        entry.configure({"width": 0})
    weights = entry.build((5, 3), entry.configure({"width": 4})).parameters()
    assert sum(weight.numel() for weight in weights) == 2 * (4 * (3 + 4) + 4)  # two of the GRU's three maps


def test_the_task_obeys_every_law(templates):
    task = templates[1].Count()
    for _, law in task_laws(task, torch.tensor([0.0, 3, 1, 7, 2, 0, 4, 1])):
        law()
    exact = torch.tensor([[3.0], [5.0]]).log()
    assert task.metrics(exact, torch.tensor([3.0, 5.0]))["deviance"] == pytest.approx(0, abs=1e-6)


def test_both_are_trained_together_and_saved(templates, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((60, 5, 2)).astype(np.float32)
    artifact = train(
        (x, rng.poisson(9 * x[:, 0, 0]).astype(np.float32)),
        "mgu",
        folder=tmp_path / "artifact",
        budget="5steps",
        data_options={"task": "count"},
        override_audit=True,
        progress=False,
    )
    assert artifact.task == templates[1].Count()
    loaded = Artifact.from_pretrained(tmp_path / "artifact")
    assert loaded.task == artifact.task
    assert loaded.network.entry.name == "mgu"


def test_the_page_is_one_that_can_be_copied(templates):
    assert templates.keys() == {0, 1}
    assert all(module.__doc__ for module in templates.values())
