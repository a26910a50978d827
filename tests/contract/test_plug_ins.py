"""A plug-in runs the same laws on its own class, and may opt out of one by saying why."""

import dataclasses

import pytest
import torch
from torch import nn

from bicameral import registry
from bicameral.errors import ConfigError
from bicameral.testing import parametrize_with_laws


@dataclasses.dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """Nothing to choose."""


class Average(nn.Module):
    """The mean of all frames, padding included."""

    def __init__(self, shape, config):
        super().__init__()
        self.width = shape[-1]

    def forward(self, x, lengths=None):
        valid = torch.ones(x.shape[:2]) if lengths is None else torch.arange(x.shape[1]) < lengths[:, None]
        return torch.where(valid[..., None].bool(), x, 0).sum(1) / max(1, x.shape[1])


@pytest.fixture
def plug_in(monkeypatch):
    entry = registry.Entry(
        name="average",
        cls=Average,
        config=AverageConfig,
        family="control",
        reads="sequence",
        gives="vector",
        paper="",
        sizes={"default": {}},
        exempt={"row_equals_itself_alone": "it divides by the padded length"},
    )
    monkeypatch.setitem(registry.models.things, "average", entry)


def test_laws_of_a_plug_in(plug_in):
    laws = {parameter.id: parameter for parameter in parametrize_with_laws("average").args[1]}
    exempt = laws.pop("average-row_equals_itself_alone")
    assert exempt.marks[0].kwargs["reason"] == "it divides by the padded length"
    with pytest.raises(AssertionError):
        exempt.values[0]()
    assert "average-padding_is_inert" in laws
    for law in laws.values():
        law.values[0]()


class Echo(nn.Module):
    """The frames themselves."""

    def __init__(self, shape, config):
        super().__init__()

    def forward(self, x):
        return x


class Idle(nn.Module):
    """Not asked what it reads."""

    def __init__(self):
        super().__init__()


def declared(cls=Echo, **fields):
    given = {"name": "echo", "config": AverageConfig, "family": "control", "reads": "sequence"}
    given |= {"gives": "steps", "paper": "", "sizes": {"default": {}}}
    return registry.Entry(cls=cls, **{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sizes": {}}, r'no sizes.*\n.*sizes=\{"small"'),
        ({"sizes": {"small": {"widht": 3}}}, "no AverageConfig field called 'widht'"),
        ({"fitted": "count"}, r"fitted='count' asks for a method count\(sequences\)"),
        ({"prepares": True}, r"prepares=True asks for a method prepare"),
        ({"causal": True}, "causal=True asks for a method initial_state"),
        ({"shortens": True}, "shortens=True asks for a method output_lengths"),
        ({"bounded": ("window",)}, "AverageConfig has no such field"),
        ({"cls": Idle}, r"called with \(shape, config\)"),
        ({"config": dict}, "dataclass"),
    ],
)
def test_what_a_model_declares_is_checked(fields, message):
    with pytest.raises(ConfigError, match=message):
        declared(**fields)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("gives", "gives is 'sequence'; choose from maps, steps, vector"),
        ("fitted", "fitted is 'sequence'; choose from gradient, ridge, count, fit, windows"),
    ],
)
def test_words_are_listed(field, message):
    entry = declared()
    object.__setattr__(entry, field, "sequence")  # past the type checker of the tests
    with pytest.raises(ConfigError, match=message):
        entry.__post_init__()


@pytest.mark.parametrize("attribute", ["sizes", "closed_form", "kinds", "numbers", "exempt"])
def test_what_stood_on_the_class_is_declared_now(attribute):
    with pytest.raises(ConfigError, match=rf"`{attribute}` stands on the class; write .* in @model"):
        declared(cls=type("Old", (Echo,), {attribute: {}}))


def test_what_is_built_is_checked():
    with pytest.raises(ConfigError, match=r"echo gives steps and has no `width` \(of a step\); set it"):
        declared().build((5, 3), AverageConfig())
