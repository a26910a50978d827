"""T-GCN whose read-out attends to the states of all frames instead of taking the last.

Bai et al. 2021, "A3T-GCN: attention temporal graph convolutional network", arXiv 2006.11583, section 3.3. The
state really is carried from frame to frame. Differs: the cells are those of T-GCN's text, not of its code;
the two linear maps that score a state are one, every node has attention of its own, and the read-out gives
changes from the last value.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models.tgcn import TGCNConfig
from bicameral.nn.graph_conv import graph_matrix
from bicameral.nn.graph_gru import ConvolvedGRU
from bicameral.nn.masking import require_frames
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class A3TGCNConfig(TGCNConfig):
    """The graph, and how wide."""


@model(
    "a3tgcn",
    config=A3TGCNConfig,
    family="hybrid",
    reads="sequence",
    gives="forecast",
    paper="https://arxiv.org/abs/2006.11583",
    sizes={"small": {"width": 16}, "medium": {"width": 32}, "large": {"width": 64}},
)
class A3TGCN(nn.Module):
    """α = softmax over time of w h_t; the read-out of Σ α_t h_t."""

    def __init__(self, shape: tuple[int, ...], config: A3TGCNConfig):
        super().__init__()
        self.cells = ConvolvedGRU(1, config.width, graph_matrix(config.graph, shape[1]))
        self.score = nn.Linear(config.width, 1, bias=False)
        self.read_out = nn.Linear(config.width, config.horizon)

    def forward(self, x: Float[Tensor, "b t n"]) -> Float[Tensor, "b horizon n"]:
        require_frames(x)
        context, _ = self.attend(x)
        return x[:, -1:] + self.read_out(context).transpose(1, 2)

    def attend(self, x: Float[Tensor, "b t n"]) -> tuple[Float[Tensor, "b n e"], Float[Tensor, "b t n"]]:
        """Return what the read-out sees, and how much of it every frame contributes."""
        y, _ = self.cells(x.unsqueeze(-1))
        weights = self.score(y).squeeze(-1).softmax(1)
        return torch.einsum("btn,btne->bne", weights, y), weights
