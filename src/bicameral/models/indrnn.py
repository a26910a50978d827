"""A recurrent network whose units remember only themselves, so that it can be deep and long.

Li, Li, Cook, Zhu and Gao 2018, "Independently Recurrent Neural Network", arXiv 1803.04831: the plain stack,
batch norm before each recurrence. Differs: recurrent weights are cut to |u| <= 1; the paper's bound, 2^(1/T)
for rows of T frames, lets a state double every T frames and a stream overflow. The paper cuts after every
update; here the cut is part of the layer, to the same effect but for the one update that oversteps.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.kernels.relu_scan import relu_scan
from bicameral.models import require_counts, require_fractions
from bicameral.nn.masking import Lengths, last_state
from bicameral.nn.norm import BatchNorm
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack, chain
from bicameral.registry import model

LIMIT = 1.0  # of |u|: a state may add up its inputs, but never grow by itself
KEPT = 0.5  # of a state of the last layer at the start, over `horizon` frames, at least


@dataclass(frozen=True, kw_only=True)
class IndRNNConfig:
    """How wide and deep, and how long it should remember."""

    width: int = 128  # units a layer
    depth: int = 2  # layers
    horizon: int | None = None  # frames the last layer remembers at the start; None: as many as a row has
    dropout: float = 0.0  # between layers, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", *["horizon"] * (self.horizon is not None))
        require_fractions(self, "dropout")


class IndRNNLayer(Recurrent[Tensor]):
    """h = relu(norm(W x_t) + u h), u drawn from (0, 1) and cut to [-1, 1]."""

    def __init__(self, num_inputs: int, width: int):
        super().__init__()
        self.width = width
        self.input, self.norm = nn.Linear(num_inputs, width, bias=False), BatchNorm(width)
        nn.init.kaiming_uniform_(self.input.weight, a=8)
        self.u = nn.Parameter(torch.empty(width).uniform_(0, LIMIT))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b e"]:
        return self.output_like(x_t)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b e"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], Float[Tensor, "b e"]]:
        y = relu_scan(_Cut.apply(self.u, LIMIT), self._normalised(self.input(x), lengths), state)
        return y, last_state(y, state, lengths)

    def _normalised(self, x: Float[Tensor, "b t e"], lengths: Lengths) -> Float[Tensor, "b t e"]:
        if lengths is None:
            return self.norm(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.norm(x.transpose(1, 2), lengths).transpose(1, 2)


class _Cut(torch.autograd.Function):
    """Clamp to [-limit, limit]; the gradient passes unless it points further out."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, limit: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.limit = limit
        return u.clamp(-limit, limit)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (u,), (grad,) = ctx.saved_tensors, grads
        outward = (u.abs() > ctx.limit) & (u * grad < 0)
        return grad.masked_fill(outward, 0), None


@model(
    "indrnn",
    config=IndRNNConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1803.04831",
    sizes={"small": {"width": 32}, "medium": {"width": 128}, "large": {"width": 160, "depth": 4}},
    causal=True,
)
class IndRNN(Stack):
    """Layers with dropout between them; the last starts with long memories only, the others with any."""

    def __init__(self, shape: tuple[int, ...], config: IndRNNConfig):
        layer = partial(IndRNNLayer, width=config.width)
        super().__init__(chain(layer, shape[-1], config.depth), dropout=config.dropout)
        shortest = KEPT ** (1 / (config.horizon or shape[0]))
        nn.init.uniform_(self.layers[-1].get_parameter("u"), shortest, LIMIT)
