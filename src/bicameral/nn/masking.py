"""Rows of different lengths in one padded tensor: what is valid, and zeroes behind it."""

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from bicameral.errors import DataError

Lengths = Int[Tensor, "b"] | None  # valid frames a row; None where every row is whole
Resets = Bool[Tensor, "b t"] | None  # the first frames of documents packed one after another into a row


def valid_frames(lengths: Int[Tensor, "b"], num_frames: int) -> Bool[Tensor, "b t"]:
    """Return which of `num_frames` frames each row really has."""
    return torch.arange(num_frames, device=lengths.device) < lengths[:, None]


def zero_padding(x: Shaped[Tensor, "b ..."], lengths: Lengths, axis: int = 1) -> Shaped[Tensor, "b ..."]:
    """Put zeroes behind `lengths` along `axis`, whatever stood there, NaN included."""
    if lengths is None:
        return x
    shape = [1] * x.dim()
    shape[0], shape[axis] = x.shape[0], x.shape[axis]
    return x.masked_fill(~valid_frames(lengths, x.shape[axis]).view(shape), 0)


def require_frames(x: Shaped[Tensor, "b ..."], *, axis: int = 1, num_frames: int | None = None) -> None:
    """Refuse rows without a frame along `axis`, or of another number than `num_frames`."""
    given = x.shape[axis]
    if given != num_frames if num_frames else not given:
        expected = f"exactly {num_frames}" if num_frames else "at least one"
        raise DataError(
            f"rows of {given} frames; expected {expected}: pad or cut the rows, or leave them out"
        )


def strided(lengths: Lengths, stride: int) -> Lengths:
    """Return how many cells of a map with that stride the valid frames cover."""
    return None if lengths is None else (lengths + stride - 1) // stride


def forgetting(a: Shaped[Tensor, "b t *d"], resets: Resets) -> Shaped[Tensor, "b t *d"]:
    """Shares of the past that are kept: none where a document begins."""
    return a if resets is None else a.masked_fill(resets.view(*resets.shape, *[1] * (a.dim() - 2)), 0)


def last_valid(x: Shaped[Tensor, "b t *d"], lengths: Lengths) -> Shaped[Tensor, "b *d"]:
    """The last valid frame; of a row without any, the last of the padding."""
    return x[:, -1] if lengths is None else x[torch.arange(x.shape[0], device=x.device), lengths - 1]


def last_state(
    states: Shaped[Tensor, "b t *d"], before: Shaped[Tensor, "b *d"], lengths: Lengths
) -> Shaped[Tensor, "b *d"]:
    """The state after the last valid frame; of a row without any, the one before."""
    last = last_valid(states, lengths)
    if lengths is None:
        return last
    return torch.where((lengths > 0).view(-1, *[1] * (last.dim() - 1)), last, before.to(last.dtype))


def last_frames(frames: Shaped[Tensor, "b s *d"], lengths: Lengths, count: int) -> Shaped[Tensor, "b k *d"]:
    """The last `count` frames of a row that follows as many earlier ones; `lengths` counts the later ones."""
    if lengths is None:
        return frames[:, frames.shape[1] - count :]
    index = lengths[:, None] + torch.arange(count, device=frames.device)
    return frames.gather(
        1, index.view(*index.shape, *[1] * (frames.dim() - 2)).expand(-1, -1, *frames.shape[2:])
    )


def masked_mean(x: Shaped[Tensor, "b t *d"], lengths: Lengths) -> Shaped[Tensor, "b *d"]:
    """Mean over the valid frames; zero where there are none."""
    if lengths is None:
        return x.mean(1)
    total = zero_padding(x, lengths).sum(1)
    return total / lengths.clamp(min=1).view(-1, *[1] * (total.dim() - 1)).to(x.dtype)


def masked_max(x: Shaped[Tensor, "b t *d"], lengths: Lengths) -> Shaped[Tensor, "b *d"]:
    """Largest value over the valid frames; zero where there are none."""
    if lengths is None:
        return x.amax(1)
    padding = ~valid_frames(lengths, x.shape[1])
    largest = x.masked_fill(padding.view(*padding.shape, *[1] * (x.dim() - 2)), float("-inf")).amax(1)
    return largest.masked_fill((lengths == 0).view(-1, *[1] * (largest.dim() - 1)), 0)
