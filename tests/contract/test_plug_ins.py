"""A plug-in runs the same laws on its own class, and may opt out of one by saying why."""

import dataclasses
from typing import ClassVar

import pytest
import torch
from torch import nn

from bicameral import registry
from bicameral.testing import parametrize_with_laws


@dataclasses.dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """Nothing to choose."""


class Average(nn.Module):
    """The mean of all frames, padding included."""

    exempt: ClassVar = {"row_equals_itself_alone": "it divides by the padded length"}

    def __init__(self, shape, config):
        super().__init__()
        self.width = shape[-1]

    def forward(self, x, lengths=None):
        valid = torch.ones(x.shape[:2]) if lengths is None else torch.arange(x.shape[1]) < lengths[:, None]
        return torch.where(valid[..., None].bool(), x, 0).mean(1)


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
