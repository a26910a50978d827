"""Frames put together along time."""

import torch
from jaxtyping import Shaped
from torch import Tensor


def stacked(
    frames: list[Tensor] | tuple[Tensor, ...], like: Shaped[Tensor, "b *d"]
) -> Shaped[Tensor, "b t *d"]:
    """Return the frames along the second axis; where there are none, no frames like `like`."""
    return torch.stack(frames, 1) if frames else like.unsqueeze(1)[:, :0]
