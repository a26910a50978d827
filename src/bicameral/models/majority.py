"""Blind to its input: the head's bias learns the most frequent class or the mean.

Holte 1993 calls it the default rule.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class MajorityConfig:
    """Nothing to choose."""


@model(
    "majority",
    config=MajorityConfig,
    family="baseline",
    reads="sequence",
    gives="vector",
    paper="https://doi.org/10.1023/A:1022631118932",
    sizes={"default": {}},
    fitted="ridge",
)
class Majority(nn.Module):
    """One zero a row, so that only the bias of the head can learn."""

    width = 1

    def __init__(self, shape: tuple[int, ...], config: MajorityConfig):  # noqa: ARG002
        super().__init__()

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b 1"]:  # noqa: ARG002
        return x.new_zeros(x.shape[0], 1)
