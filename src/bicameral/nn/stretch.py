"""Series of different lengths stretched to one, by straight lines between frames."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.nn.masking import Lengths


def stretched(x: Float[Tensor, "b t d"], lengths: Lengths, num_frames: int) -> Float[Tensor, "b n d"]:
    """Every row's valid frames, the first and the last kept, as `num_frames` frames."""
    if lengths is None and x.shape[1] == num_frames:
        return x
    ends = torch.full((x.shape[0],), x.shape[1], device=x.device) if lengths is None else lengths
    place = torch.linspace(0, 1, num_frames, dtype=x.dtype, device=x.device) * (ends - 1)[:, None]
    before = place.floor().long()
    after = torch.minimum(before + 1, ends[:, None] - 1)
    share = (place - before)[..., None]
    rows = torch.arange(x.shape[0], device=x.device)[:, None]
    return x[rows, before] * (1 - share) + x[rows, after] * share
