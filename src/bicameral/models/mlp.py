"""Multilayer perceptron over the flattened example: knows neither locality nor order.

Rumelhart, Hinton and Williams 1986. Differs: ReLU and dropout.
"""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts, require_fractions
from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class MLPConfig:
    """How wide and deep."""

    width: int = 128  # units a hidden layer
    depth: int = 2  # hidden layers
    dropout: float = 0.0  # after each hidden layer, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth")
        require_fractions(self, "dropout")


@model(
    "mlp",
    config=MLPConfig,
    family="baseline",
    reads="sequence",
    gives="vector",
    paper="https://doi.org/10.1038/323533a0",
    sizes={"small": {"width": 32}, "medium": {"width": 128}, "large": {"width": 512}},
)
class MLP(nn.Module):
    """Hidden layers of one width over all frames at once."""

    def __init__(self, shape: tuple[int, ...], config: MLPConfig):
        super().__init__()
        self.num_frames, self.width = shape[0], config.width
        inputs = [math.prod(shape)] + [config.width] * (config.depth - 1)
        self.layers = nn.Sequential(*(_hidden(num_inputs, config) for num_inputs in inputs))

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b e"]:
        return self.layers(flatten_frames(x, lengths, self.num_frames))


def _hidden(num_inputs: int, config: MLPConfig) -> nn.Sequential:
    linear = nn.Linear(num_inputs, config.width)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.zeros_(linear.bias)
    return nn.Sequential(linear, nn.ReLU(), nn.Dropout(config.dropout))
