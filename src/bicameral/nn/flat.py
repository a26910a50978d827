"""Frames as one vector of a fixed length."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from bicameral.nn.masking import Lengths, zero_padding


def flatten_frames(x: Float[Tensor, "b t d"], lengths: Lengths, num_frames: int) -> Float[Tensor, "b e"]:
    """Flatten the first `num_frames` frames; a shorter row is followed by zeroes."""
    x = zero_padding(x, lengths)[:, :num_frames]
    return functional.pad(x, (0, 0, 0, num_frames - x.shape[1])).flatten(1)
