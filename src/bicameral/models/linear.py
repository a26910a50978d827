"""The flattened example itself, so that the head is logistic or linear regression.

Cox 1958. Differs: rows are padded with zeroes or cut to the length the model was told.
"""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LinearConfig:
    """Nothing to choose."""


@model(
    "linear",
    config=LinearConfig,
    family="baseline",
    reads="sequence",
    gives="vector",
    paper="https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
    sizes={"default": {}},
)
class Linear(nn.Module):
    """No parameters of its own."""

    def __init__(self, shape: tuple[int, ...], config: LinearConfig):  # noqa: ARG002
        super().__init__()
        self.num_frames, self.width = shape[0], math.prod(shape)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b e"]:
        return flatten_frames(x, lengths, self.num_frames)
