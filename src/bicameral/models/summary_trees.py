"""Trees on a few statistics of each channel: what a network for series has to beat.

Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees", doi 10.1007/s10994-006-6226-1, grown by
scikit-learn; numbers by its histogram gradient boosting where that leaves the smaller error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.answers import NUMBERS, AnswerConfig, Loss, Targets, best, drawn_seed, logits
from bicameral.nn.masking import Lengths
from bicameral.nn.summaries import summaries
from bicameral.nn.trees import Trees
from bicameral.registry import model

MOST_BOOSTED = 4  # columns of numbers; each has a booster of its own
Grow = Callable[[np.ndarray, Targets], None]


@dataclass(frozen=True, kw_only=True)
class SummaryTreesConfig(AnswerConfig):
    """How many trees."""

    num_trees: int = 300

    def __post_init__(self) -> None:
        require_counts(self, "num_trees", "num_outputs")


@model(
    "summary_trees",
    config=SummaryTreesConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1007/s10994-006-6226-1",
    sizes={"small": {"num_trees": 100}, "medium": {}, "large": {"num_trees": 1000}},
    fitted="fit",
    kinds=("image", "clip", "sound", "series"),
    numbers=True,
)
class SummaryTrees(nn.Module):
    """Statistics of each channel -> mean of all trees."""

    def __init__(self, shape: tuple[int, ...], config: SummaryTreesConfig):
        super().__init__()
        self.width, self.config, self.num_frames = config.num_outputs, config, shape[0]
        self.trees = Trees(config.num_outputs)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        share = self.trees(summaries(x, lengths, self.num_frames))
        return logits(share.to(x), self.config.question, 1 / self.config.num_trees)

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Targets, loss: Loss,
        folds: Int[np.ndarray, " n"],
    ) -> None:  # fmt: skip
        """Grow the trees; of numbers, of the kind that leaves the smaller error on a fold left out."""
        features, seed = summaries(x, lengths, self.num_frames).float().numpy(), drawn_seed()

        def randomized(features: np.ndarray, targets: Targets) -> None:
            self.trees.grow_randomized(features, targets, self.config.question, self.config.num_trees, seed)

        def boosted(features: np.ndarray, targets: Targets) -> None:
            self.trees.grow_boosted(features, targets, NUMBERS, seed)

        def error(grow: Grow) -> float:
            rest, left = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
            grow(features[rest], targets[rest])
            return loss(self.trees(torch.from_numpy(features[left])), left)

        several = self.config.question == NUMBERS and targets.shape[1] <= MOST_BOOSTED
        best([randomized, boosted] if several else [randomized], error)(features, targets)
