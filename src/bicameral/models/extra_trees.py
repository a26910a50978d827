"""Extremely randomized trees on an example as one vector: blind to neighbourhood, and to scale.

Geurts, Ernst and Wehenkel 2006, doi 10.1007/s10994-006-6226-1, grown by scikit-learn. Rows are padded with
zeroes or cut to the length the model was told.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.answers import AnswerConfig, Loss, Targets, drawn_seed, logits
from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.nn.trees import Trees
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class ExtraTreesConfig(AnswerConfig):
    """How many trees."""

    num_trees: int = 300

    def __post_init__(self) -> None:
        require_counts(self, "num_trees", "num_outputs")


@model(
    "extra_trees",
    config=ExtraTreesConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1007/s10994-006-6226-1",
    sizes={"default": {}},
    fitted="fit",
    kinds=("image", "clip", "sound", "series"),
    numbers=True,
)
class ExtraTrees(nn.Module):
    """The mean of all trees."""

    def __init__(self, shape: tuple[int, ...], config: ExtraTreesConfig):
        super().__init__()
        self.width, self.config, self.num_frames = config.num_outputs, config, shape[0]
        self.trees = Trees(config.num_outputs)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        found = self.trees(flatten_frames(x, lengths, self.num_frames)).to(x)
        return logits(found, self.config.question, 1 / self.config.num_trees)

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Targets, loss: Loss,  # noqa: ARG002
        folds: Int[np.ndarray, " n"],  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Grow the trees."""
        features = flatten_frames(x, lengths, self.num_frames).float().numpy()
        self.trees.grow_randomized(
            features, targets, self.config.question, self.config.num_trees, drawn_seed()
        )
