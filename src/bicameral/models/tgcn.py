"""Temporal graph convolutional network: two graph convolutions on every frame, a GRU on every node.

Zhao et al. 2019, "T-GCN", arXiv 1811.05320, as the equations of section 3.3 say. Differs from the authors'
code, whose figures are known: there [x_t, h] passes through the graph in every gate, by one convolution and
with a gate bias of one, so that a state travels a step a frame; here x_t is convolved twice, the state stays
on its node, the gate biases start at zero, and nothing from beyond two steps is seen however long the series
is. On a directed graph their matrix is the transpose of this one. The read-out gives changes from the last
value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.data.graphs import graph_weights
from bicameral.models import require_counts
from bicameral.nn.graph_conv import graph_matrix
from bicameral.nn.graph_gru import ConvolvedGRU
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class TGCNConfig:
    """The graph, and how wide."""

    horizon: int = 1  # frames to forecast; the task fills it in
    graph: Sequence[Any] | None = None  # rows of weights, or their file; None: all nodes joined alike
    width: int = 64  # units a node

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "width")
        object.__setattr__(self, "graph", graph_weights(self.graph))


@model(
    "tgcn",
    config=TGCNConfig,
    family="recurrent",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/1811.05320",
    sizes={"small": {"width": 16}, "medium": {"width": 32}, "large": {"width": 64}},
)
class TGCN(nn.Module):
    """One linear map of the last state of each node."""

    def __init__(self, shape: tuple[int, ...], config: TGCNConfig):
        super().__init__()
        self.cells = ConvolvedGRU(1, config.width, graph_matrix(config.graph, shape[1]))
        self.read_out = nn.Linear(config.width, config.horizon)

    def forward(self, x: Float[Tensor, "b t n"]) -> Float[Tensor, "b horizon n"]:
        require_frames(x)
        y, _ = self.cells(x.unsqueeze(-1))
        return x[:, -1:] + self.read_out(y[:, -1]).transpose(1, 2)
