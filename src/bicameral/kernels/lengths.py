"""How many frames of each row are valid, as kernels read it."""

import torch
from torch import Tensor

from bicameral.errors import ShapeError


def checked(lengths: Tensor, num_rows: int, num_frames: int) -> Tensor:
    """Return a copy as int64 in a row; refuse what is not one count from 0 to `num_frames` for every row."""
    whole = not (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype is torch.bool)
    if lengths.shape == (num_rows,) and whole and _within(lengths, num_frames):
        return lengths.to(torch.int64, copy=True, memory_format=torch.contiguous_format)
    expected = f"{num_rows} whole numbers, one a row, from 0 to {num_frames}"
    raise ShapeError(f"lengths are {lengths.tolist()}; expected {expected}")


def _within(lengths: Tensor, num_frames: int) -> bool:
    if not len(lengths):
        return True
    least, most = torch.aminmax(lengths)
    return int(least) >= 0 and int(most) <= num_frames
