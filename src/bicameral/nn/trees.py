"""Ensembles of decision trees as arrays: grown by scikit-learn, followed by table look-ups."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.nn.fitted_buffers import FittedBuffers


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
        for name in ("feature", "left", "right", "roots"):
            self.register_buffer(name, torch.zeros(1, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("value", torch.zeros(1, num_outputs))
        self.register_buffer("start", torch.zeros(num_outputs))

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


def averaged(forest: Any, columns: np.ndarray, num_outputs: int) -> list[Tree]:
    """A forest of scikit-learn: shares of classes, or numbers, divided by the number of trees.

    columns  the output that each class of the forest, or each of its numbers, stands for
    """
    found = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        leaf, here = tree.children_left < 0, np.arange(tree.node_count)
        value = np.zeros((tree.node_count, num_outputs))
        value[:, columns] = _of_outputs(tree.value) / len(forest.estimators_)
        left, right = np.where(leaf, here, tree.children_left), np.where(leaf, here, tree.children_right)
        found.append(Tree(np.where(leaf, 0, tree.feature), tree.threshold, left, right, value))
    return found


def _of_outputs(value: np.ndarray) -> np.ndarray:
    """Shares (nodes k) of classes, of several labels the share of yes; or numbers."""
    return value[:, 0] if value.shape[1] == 1 else value[..., -1]


def boosted(booster: Any, columns: Sequence[int], num_outputs: int) -> tuple[list[Tree], np.ndarray]:
    """Trees and start of a histogram gradient booster of scikit-learn, in the units of its raw predictions.

    columns  the output of each of its raw predictions
    """
    start, found = np.zeros(num_outputs), []
    start[list(columns)] = np.ravel(booster._baseline_prediction)  # public nowhere; a test compares
    for stage in booster._predictors:
        for column, predictor in zip(columns, stage, strict=True):
            nodes = predictor.nodes
            leaf, here = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
            value = np.zeros((len(nodes), num_outputs))
            value[:, column] = np.where(leaf, nodes["value"], 0)
            threshold = np.where(leaf, 0, nodes["num_threshold"])
            left, right = np.where(leaf, here, nodes["left"]), np.where(leaf, here, nodes["right"])
            found.append(Tree(np.where(leaf, 0, nodes["feature_idx"]), threshold, left, right, value))
    return found, start
