"""Ensembles of decision trees as arrays: grown by scikit-learn, followed by table look-ups."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from torch import Tensor

from bicameral.nn.answers import NUMBERS, ONE_CLASS, Targets, constant
from bicameral.nn.fitted_buffers import FittedBuffers

ABSENT = -20.0  # logit of a class that no example has


class Tree(NamedTuple):
    """Nodes of one tree; a leaf is its own left and right child."""

    feature: np.ndarray
    threshold: np.ndarray  # at most: left
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray  # (nodes k)


class Trees(FittedBuffers):
    """Sum of the values (k) of the leaves that an example falls into, one of each tree, and a start."""

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor
    roots: Tensor
    start: Tensor

    def __init__(self, num_outputs: int):
        super().__init__()
        self.register_buffer("value", torch.zeros(1, num_outputs))
        self.register_buffer("start", torch.zeros(num_outputs))
        self.register_buffer("threshold", torch.zeros(1, dtype=torch.float64))
        for name in ("feature", "left", "right", "roots"):
            self.register_buffer(name, torch.zeros(1, dtype=torch.int64))

    def plant(self, trees: Sequence[Tree], start: Any = 0.0) -> None:
        """Take over trees, and what their sum is added to."""
        sizes = np.array([len(tree.feature) for tree in trees])
        roots = np.concatenate([[0], sizes.cumsum()[:-1]])
        self.roots = torch.from_numpy(roots).to(self.roots)
        for name in ("feature", "threshold", "value"):
            joined = np.concatenate([getattr(tree, name) for tree in trees])
            setattr(self, name, torch.from_numpy(joined).to(getattr(self, name)))
        for name in ("left", "right"):
            joined = np.concatenate(
                [getattr(tree, name) + root for tree, root in zip(trees, roots, strict=True)]
            )
            setattr(self, name, torch.from_numpy(joined).to(self.left))
        self.start = torch.zeros_like(self.start) + torch.as_tensor(start).to(self.start)

    def forward(self, x: Float[Tensor, "b e"]) -> Float[Tensor, "b k"]:
        x = x.float()  # as scikit-learn compares
        place = self.roots.expand(len(x), -1)
        while True:
            lower = x.gather(1, self.feature[place]) <= self.threshold[place]
            below = torch.where(lower, self.left[place], self.right[place])
            if torch.equal(below, place):
                return self.start + self.value[place].sum(1)
            place = below

    def grow_randomized(
        self, features: np.ndarray, targets: Targets, question: str, num_trees: int, seed: int
    ) -> None:
        """Extremely randomized trees: mean shares of classes and labels, or means of numbers."""
        options: dict[str, Any] = {"n_estimators": num_trees, "random_state": seed}
        if question == ONE_CLASS:
            forest = ExtraTreesClassifier(**options).fit(features, targets.argmax(1))
            columns = forest.classes_
        else:
            most: Any = 1 / 3 if question == NUMBERS else "sqrt"
            wanted = targets.astype(float).squeeze(1) if targets.shape[1] == 1 else targets.astype(float)
            forest = ExtraTreesRegressor(**options, max_features=most).fit(features, wanted)
            columns = np.arange(targets.shape[1])
        self.plant(_averaged(forest, columns, targets.shape[1]))

    def grow_boosted(self, features: np.ndarray, targets: Targets, question: str, seed: int) -> None:
        """Histogram gradient boosting: logits of classes and labels, or numbers, each column by itself."""
        options: dict[str, Any] = {"random_state": seed, "early_stopping": False}
        options["min_samples_leaf"] = int(np.clip(len(features) // 20, 2, 20))
        if question == ONE_CLASS:
            self._grow_classes(features, targets, options)
            return
        kind = HistGradientBoostingRegressor if question == NUMBERS else HistGradientBoostingClassifier
        trees, start = [], constant(targets, question).numpy()
        for column, target in enumerate(targets.T):
            if len(np.unique(target)) > 1:
                booster = kind(**options).fit(features, target)
                more, start[[column]] = _boosted(booster, [column], len(start))
                trees += more
        self.plant(trees or [_stump(len(start))], start)

    def _grow_classes(self, features: np.ndarray, targets: Targets, options: dict[str, Any]) -> None:
        present = np.flatnonzero(targets.any(0))
        start = np.where(targets.any(0), 0, ABSENT)
        if len(present) == 1:
            self.plant([_stump(len(start))], start)
            return
        booster = HistGradientBoostingClassifier(**options).fit(features, targets.argmax(1))
        columns = present if len(present) > 2 else present[1:]  # of two classes the second alone is told
        trees, start[columns] = _boosted(booster, columns, len(start))
        self.plant(trees, start)


def _stump(num_outputs: int) -> Tree:
    none = np.zeros(1, np.int64)
    return Tree(none, np.zeros(1), none, none, np.zeros((1, num_outputs)))


def _averaged(forest: Any, columns: np.ndarray, num_outputs: int) -> list[Tree]:
    """A forest of scikit-learn: shares of classes, or numbers, divided by the number of trees.

    columns  the output that each class of the forest, or each of its numbers, stands for
    """
    found = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        leaf, here = tree.children_left < 0, np.arange(tree.node_count)
        value = np.zeros((tree.node_count, num_outputs))
        shares = tree.value[:, 0] if tree.value.shape[1] == 1 else tree.value[..., 0]
        value[:, columns] = shares / len(forest.estimators_)
        left, right = (np.where(leaf, here, side) for side in (tree.children_left, tree.children_right))
        found.append(Tree(np.where(leaf, 0, tree.feature), tree.threshold, left, right, value))
    return found


def _boosted(
    booster: Any, columns: Sequence[int] | np.ndarray, num_outputs: int
) -> tuple[list[Tree], np.ndarray]:
    """Trees and start of a histogram gradient booster of scikit-learn, in the units of its raw predictions.

    columns  the output of each of its raw predictions
    """
    found = []
    for stage in booster._predictors:  # public nowhere; a test compares
        for column, predictor in zip(columns, stage, strict=True):
            nodes = predictor.nodes
            leaf, here = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
            value = np.zeros((len(nodes), num_outputs))
            value[:, column] = np.where(leaf, nodes["value"], 0)
            left, right = (np.where(leaf, here, nodes[side]) for side in ("left", "right"))
            feature, threshold = (np.where(leaf, 0, nodes[f]) for f in ("feature_idx", "num_threshold"))
            found.append(Tree(feature, threshold, left, right, value))
    return found, np.ravel(booster._baseline_prediction)
