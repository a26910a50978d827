"""Contract 2: what sees a grid. The laws it obeys are in `bicameral.testing`."""

from collections.abc import Sequence
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, require_frames, strided


class Grid(nn.Module):
    """A network of maps: lines (b c t), pictures (b c h w) or volumes (b c t h w)."""

    channels: Sequence[int]  # of each map
    strides: Sequence[int | tuple[int, ...]]  # of each map; a tuple where the axes differ
    time_axis: ClassVar[int] = 2  # the axis along which `lengths` count; in pictures it is 3

    def features(self, x: Float[Tensor, "b c *s"], lengths: Lengths = None) -> list[Tensor]:
        """Return the maps, finest first, zero behind `lengths`."""
        raise NotImplementedError(f"{type(self).__name__} has no features")

    def forward(self, x: Float[Tensor, "b c *s"], lengths: Lengths = None) -> Float[Tensor, "b e ..."]:
        """Return the last map."""
        require_frames(x, axis=self.time_axis)
        return self.features(x, lengths)[-1]

    def output_lengths(self, lengths: Lengths) -> Lengths:
        """Return the valid entries of the last map."""
        stride = self.strides[-1]
        return strided(lengths, stride if isinstance(stride, int) else stride[self.time_axis - 2])
