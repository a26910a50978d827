"""A GRU whose matrix products are Chebyshev convolutions on a graph.

Seo et al. 2018, "Structured sequence modeling with graph convolutional recurrent networks", arXiv 1612.07659,
model 2 with a GRU. The read-out is that of a forecaster: the last state of a node gives its changes from its
last value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.data.graphs import graph_weights
from bicameral.models import require_counts
from bicameral.nn.graph_conv import chebyshev, graph_matrix
from bicameral.nn.graph_gru import GraphGRU
from bicameral.nn.masking import require_frames
from bicameral.nn.stack import Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class GConvGRUConfig:
    """The graph, and how wide and deep."""

    horizon: int = 1  # frames to forecast; the task fills it in
    graph: Sequence[Any] | None = None  # rows of weights, or their file; None: all nodes joined alike
    num_steps: int = 2  # highest order of the polynomials
    width: int = 64  # units a node and layer
    depth: int = 1  # layers

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "num_steps", "width", "depth")
        object.__setattr__(self, "graph", graph_weights(self.graph))


@model(
    "gconv_gru",
    config=GConvGRUConfig,
    family="recurrent",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/1612.07659",
    sizes={"small": {"width": 16}, "medium": {"width": 32}, "large": {"width": 64}},
)
class GConvGRU(nn.Module):
    """Layers of graph GRUs, then one linear map of the last state of each node."""

    def __init__(self, shape: tuple[int, ...], config: GConvGRUConfig):
        super().__init__()
        supports = chebyshev(graph_matrix(config.graph, shape[1]), config.num_steps)
        self.layers = Stack(
            GraphGRU(config.width if layer else 1, config.width, supports) for layer in range(config.depth)
        )
        self.read_out = nn.Linear(config.width, config.horizon)

    def forward(self, x: Float[Tensor, "b t n"]) -> Float[Tensor, "b horizon n"]:
        require_frames(x)
        y, _ = self.layers(x.unsqueeze(-1))
        return x[:, -1:] + self.read_out(y[:, -1]).transpose(1, 2)
