"""Class weights against imbalance."""

import torch
from torch import Tensor

from bicameral.data.batches.prepared import Prepared
from bicameral.tasks.classify import Classify
from bicameral.tasks.multilabel import MultiLabel
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
