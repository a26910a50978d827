"""Diffusion convolutional recurrent network: a series on the nodes of a graph, read and then continued.

Li et al. 2018, arXiv 1707.01926, section 2. Walks are D_O^-1 W and D_I^-1 Wᵀ as in the paper's equation 2, so
that a node reads those its edges point to; the released code multiplies by the transposes, and at two steps
and more starts the second walk from a term of the first. Differs: where W is symmetric the two walks are one,
with one set of weights; the decoder is always fed its own forecasts, in training too (scheduled sampling
needs the answers, which a model does not see); forecasts are changes from the last frame; nodes have one
feature, their value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.data.graphs import graph_weights
from bicameral.models import require_counts
from bicameral.nn.graph_conv import graph_matrix, random_walks
from bicameral.nn.graph_gru import GraphGRU
from bicameral.nn.masking import require_frames
from bicameral.nn.roll_out import roll_out
from bicameral.nn.stack import Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class DCRNNConfig:
    """The graph, and how wide and deep."""

    horizon: int = 1  # frames to forecast; the task fills it in
    graph: Sequence[Any] | None = None  # rows of weights, or their file; None: all nodes joined alike
    num_steps: int = 2  # of the random walks
    width: int = 64  # units a node and layer
    depth: int = 2  # layers of the encoder, and of the decoder

    def __post_init__(self) -> None:
        require_counts(self, "horizon", "num_steps", "width", "depth")
        object.__setattr__(self, "graph", graph_weights(self.graph))


@model(
    "dcrnn",
    config=DCRNNConfig,
    family="recurrent",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/1707.01926",
    sizes={"small": {"width": 8}, "medium": {"width": 24}, "large": {"width": 64}},
)
class DCRNN(nn.Module):
    """An encoder and a decoder of DCGRUs, gate bias one; the first input of the decoder is zero."""

    def __init__(self, shape: tuple[int, ...], config: DCRNNConfig):
        super().__init__()
        self.horizon = config.horizon
        supports = random_walks(graph_matrix(config.graph, shape[1]), config.num_steps)
        self.encoder, self.decoder = (
            Stack(
                GraphGRU(config.width if layer else 1, config.width, supports, gate_bias=1.0)
                for layer in range(config.depth)
            )
            for _ in range(2)
        )
        self.read_out = nn.Linear(config.width, 1)

    def forward(self, x: Float[Tensor, "b t n"]) -> Float[Tensor, "b horizon n"]:
        require_frames(x)
        _, state = self.encoder(x.unsqueeze(-1))
        change = torch.zeros_like(x[:, 0, :, None])
        changes = roll_out(self.decoder, self.read_out, change, state, self.horizon)
        return x[:, -1:] + changes.squeeze(-1)
