"""Class weights against imbalance."""

import torch
from torch import Tensor

from bicameral.data.loader import Prepared
from bicameral.data.preprocessing.text import PADDING
from bicameral.tasks.classify import Classify, MultiLabel
from bicameral.tasks.task import Task


def balanced_weights(train: Prepared, task: Task) -> Tensor | None:
    """Return weights that make classes count alike, from the training part; None where there are no classes.

    One label: mean / own count. Several labels: absent / present, the weight of a presence.
    """
    if not isinstance(task, Classify | MultiLabel):
        return None
    y = torch.as_tensor(train.dataset.targets[train.index.numpy()])
    if isinstance(task, Classify):
        counts = torch.bincount(y, minlength=len(task.classes)).clamp(min=1)
        return (len(y) / (len(task.classes) * counts)).float()
    present = y.sum(0).clamp(min=1)
    return ((len(y) - present) / present).float().clamp(min=1e-3)


def weight_of(y: Tensor, class_weights: Tensor | None) -> float:
    """What the mean loss over `y` was divided by: cross-entropy divides by weights, else rows or steps."""
    if y.ndim == 2 and not y.is_floating_point():
        return float((y != PADDING).sum())  # tokens
    if y.ndim == 3:
        return float(y[..., 0].isfinite().sum())  # frames
    if class_weights is None or y.ndim > 1:
        return float(len(y))
    return class_weights[y].sum().item()
