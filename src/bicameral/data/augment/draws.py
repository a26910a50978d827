"""Random numbers for a batch, drawn on the generator's device: the same wherever the batch lies."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

Lengths = Int[Tensor, "b"]


def uniform(
    x: Tensor, generator: Generator, low: float = -1.0, high: float = 1.0, columns: int = 1
) -> Float[Tensor, "b k"]:
    """Draw `columns` numbers for each example of the batch."""
    drawn = torch.rand(len(x), columns, generator=generator, device=generator.device)
    return drawn.to(x.device) * (high - low) + low


def normal(x: Tensor, generator: Generator, *shape: int) -> Tensor:
    """Draw standard normal numbers of the batch's type."""
    return torch.randn(shape, generator=generator, device=generator.device).to(x)


def span(
    within: int | Int[Tensor, "b 1"],
    extent: float | Float[Tensor, "b 1"],
    position: Float[Tensor, "b 1"],
    num_places: int,
) -> Bool[Tensor, "b s"]:
    """Mark a run of `extent` places that lies within the first ones, anywhere as `position` (0 to 1) says."""
    places = torch.arange(num_places, device=position.device)
    start = (position * (within - extent + 1)).floor()
    return (places >= start) & (places < start + extent)
