"""LSTM with many cells and a narrow recurrent projection.

Sak, Senior and Beaufays 2014, arXiv 1402.1128, LSTMP. Differs: no peepholes and no second, non-recurrent
projection; forget bias one, orthogonal recurrent weights and projection.
"""

from dataclasses import dataclass
from functools import partial

from bicameral.models import require_counts, require_fractions
from bicameral.nn import gated
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class ProjectedLSTMConfig:
    """How wide and deep."""

    width: int = 64  # of the projection, which is the output
    num_cells: int = 256  # a layer
    depth: int = 1  # layers
    dropout: float = 0.0  # between layers, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "num_cells", "depth")
        require_fractions(self, "dropout")


@model(
    "projected_lstm",
    config=ProjectedLSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1402.1128",
    sizes={
        "small": {"width": 16, "num_cells": 48},
        "medium": {"width": 48, "num_cells": 128},
        "large": {"width": 96, "num_cells": 256, "depth": 2},
    },
    causal=True,
)
class ProjectedLSTM(Stack):
    """LSTM over its own projected output: h = P (o tanh(c))."""

    def __init__(self, shape: tuple[int, ...], config: ProjectedLSTMConfig):
        layer = partial(gated.ProjectedLSTM, width=config.width, num_cells=config.num_cells)
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
