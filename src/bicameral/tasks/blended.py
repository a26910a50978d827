"""Several networks that answer as one: the weighted mean of what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Num
from torch import Tensor, nn

from bicameral.data.dataset import Layout
from bicameral.tasks.network import Network
from bicameral.tasks.task import Task

NAME = "blend"
LEAST = 1e-12  # probability, so that its logarithm is finite


@dataclass(frozen=True)
class BlendEntry:
    """What an artifact says of a blend, in the words it has for a model of the registry."""

    name: str = NAME
    family: str = "blend"
    paper: str = "https://doi.org/10.1145/1015330.1015432"
    gives: str = "blend"
    reads: str = "blend"
    cls: type = field(default=object)


class Blend(nn.Module):
    """The weighted mean of the members' probabilities, or of their numbers; weights add up to 1."""

    def __init__(self, members: Sequence[Network], weights: Sequence[float]):
        super().__init__()
        self.members, self.weights = nn.ModuleList(members), tuple(weights)
        self.entry, self.layout, self.task = BlendEntry(), members[0].layout, members[0].task

    @property
    def overrides(self) -> dict[str, Any]:
        """What the artifact needs to build it again."""
        members = [{"model": one.entry.name, "overrides": one.overrides} for one in self.members]  # pyright: ignore
        return {"weights": list(self.weights), "members": members}

    def forward(self, x: Num[Tensor, "b ..."], lengths: Tensor | None = None) -> Tensor:
        """Prepared examples -> outputs (b, *task.output_shape), logits where the task asks for them."""
        return self.task.mixed([member(x, lengths) for member in self.members], self.weights)


def parts_of(model: str, overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return model and overrides of each network in it: of a blend its members."""
    return overrides["members"] if model == NAME else [{"model": model, "overrides": overrides}]


def build(layout: Layout, task: Task, model: str, overrides: Mapping[str, Any]) -> Network | Blend:
    """Build a network, or a blend, to be filled with what was saved."""
    members = [Network(layout, task, part["model"], part["overrides"]) for part in parts_of(model, overrides)]
    return Blend(members, overrides["weights"]) if model == NAME else members[0]
