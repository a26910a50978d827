"""Trees on a few statistics of each channel: what a network for series has to beat.

Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees", doi 10.1007/s10994-006-6226-1, grown by
scikit-learn; numbers by its histogram gradient boosting where that leaves the smaller error.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, HistGradientBoostingRegressor
from torch import Tensor, nn

from bicameral.models import require_counts
from bicameral.nn.answers import LABELS, NUMBERS, ONE_CLASS, Loss, Targets, as_labels, best, logits
from bicameral.nn.masking import Lengths
from bicameral.nn.summaries import summaries
from bicameral.nn.trees import Trees, averaged, boosted
from bicameral.registry import model

MOST_BOOSTED = 4  # columns; each has a booster of its own


@dataclass(frozen=True, kw_only=True)
class SummaryTreesConfig:
    """How many trees."""

    num_trees: int = 300
    num_outputs: int = 2  # classes, labels or numbers; the task fills it in
    question: str = ONE_CLASS  # the name of the task, which fills it in

    def __post_init__(self) -> None:
        require_counts(self, "num_trees", "num_outputs")


@model(
    "summary_trees",
    config=SummaryTreesConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1007/s10994-006-6226-1",
)
class SummaryTrees(nn.Module):
    """Statistics of each channel -> shares of the votes of all trees, as logits; numbers as they are."""

    kinds: ClassVar = ("image", "clip", "sound", "series")
    numbers: ClassVar = True
    closed_form = True
    sizes: ClassVar = {"small": {"num_trees": 100}, "large": {}}

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
        """Grow the trees; of numbers, whichever kind of them answers better for a fold left out."""
        features = summaries(x, lengths, self.num_frames).float().numpy()
        if self.config.question != NUMBERS or targets.shape[1] > MOST_BOOSTED:
            self._randomized(features, targets)
            return
        rest, left = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)

        def error(grow: Any) -> float:
            grow(features[rest], targets[rest])
            return loss(self.trees(torch.from_numpy(features[left])), left)

        best((self._randomized, self._boosted), error)(features, targets)

    def _randomized(self, features: np.ndarray, targets: Targets) -> None:
        options = {"n_estimators": self.config.num_trees, "random_state": _seed()}
        labels = as_labels(targets, self.config.question)
        if self.config.question == NUMBERS:
            forest = ExtraTreesRegressor(**options, max_features=1 / 3).fit(features, labels)
        else:
            forest = ExtraTreesClassifier(**options).fit(features, labels)
        present = forest.classes_ if self.config.question == ONE_CLASS else np.arange(self.width)
        if self.config.question == LABELS:
            _check_both(forest)
        self.trees.plant(averaged(forest, present, self.width))

    def _boosted(self, features: np.ndarray, targets: Targets) -> None:
        trees, start, seed = [], np.zeros(self.width), _seed()
        for column, target in enumerate(targets.T):
            booster = HistGradientBoostingRegressor(random_state=seed, early_stopping=False)
            more, begin = boosted(booster.fit(features, target), [column], self.width)
            trees, start = [*trees, *more], start + begin
        self.trees.plant(trees, start)


def _seed() -> int:
    """A seed for scikit-learn from PyTorch's generator, which the training seeds."""
    return int(torch.randint(2**31, ()))
