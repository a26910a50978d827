"""Gradient boosting on an example as one vector: what a network for tables has to beat.

Friedman 2001, doi 10.1214/aos/1013203451, by scikit-learn on histograms. Rows are padded with zeroes or
cut to the length the model was told.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.answers import AnswerConfig, Loss, Targets, drawn_seed
from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.nn.trees import Trees
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class GradientBoostingConfig(AnswerConfig):
    """Nothing to choose."""

    def __post_init__(self) -> None:
        require_counts(self, "num_outputs")


@model(
    "gradient_boosting",
    config=GradientBoostingConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1214/aos/1013203451",
    sizes={"default": {}},
    fitted="fit",
    kinds=("image", "clip", "sound", "series"),
    numbers=True,
)
class GradientBoosting(nn.Module):
    """The sum of all trees."""

    def __init__(self, shape: tuple[int, ...], config: GradientBoostingConfig):
        super().__init__()
        self.width, self.config, self.num_frames = config.num_outputs, config, shape[0]
        self.trees = Trees(config.num_outputs)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        return self.trees(flatten_frames(x, lengths, self.num_frames)).to(x)

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Targets, loss: Loss,  # noqa: ARG002
        folds: Int[np.ndarray, " n"],  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Grow the trees."""
        features = flatten_frames(x, lengths, self.num_frames).float().numpy()
        self.trees.grow_boosted(features, targets, self.config.question, drawn_seed())
