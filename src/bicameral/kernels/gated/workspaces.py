"""Memory between a forward and its backward pass, kept for the next step: fresh pages cost more than sums."""

import torch
from torch import Tensor

MOST = 2**28  # floats kept in all
_free: dict[int, list[Tensor]] = {}


def take(size: int) -> Tensor:
    """Return a workspace of `size` floats, used before if there is one."""
    kept = _free.get(size)
    return kept.pop() if kept else torch.empty(size)


def give(workspace: Tensor) -> None:
    """Keep a workspace for later, forgetting others if they are too much."""
    size = workspace.numel()
    if size + sum(count * len(kept) for count, kept in _free.items()) > MOST:
        _free.clear()
    _free.setdefault(size, []).append(workspace)
