"""Contract 2: what sees a grid. The laws it obeys are in `bicameral.testing`."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, strided


class Grid(nn.Module):
    """A network of maps. `features` returns them, finest first; `forward` returns the last."""

    channels: Sequence[int]  # of each map
    strides: Sequence[int | tuple[int, ...]]  # of each map; a tuple where the axes differ

    def features(self, x: Float[Tensor, "b c *s"]) -> list[Tensor]:
        """Return the maps, finest first."""
        raise NotImplementedError(f"{type(self).__name__} has no features")

    def forward(self, x: Float[Tensor, "b c *s"]) -> Float[Tensor, "b e ..."]:
        """Return the last map."""
        return self.features(x)[-1]


class TimedGrid(Grid):
    """A grid whose first spatial axis is time, with `lengths` counted along it."""

    def features(self, x: Float[Tensor, "b c t *s"], lengths: Lengths = None) -> list[Tensor]:
        """Return the maps, finest first, zero behind `lengths`."""
        raise NotImplementedError(f"{type(self).__name__} has no features")

    def forward(self, x: Float[Tensor, "b c t *s"], lengths: Lengths = None) -> Float[Tensor, "b e u ..."]:
        """Return the last map."""
        return self.features(x, lengths)[-1]

    def output_lengths(self, lengths: Lengths) -> Lengths:
        """Return the valid entries of the last map."""
        stride = self.strides[-1]
        return strided(lengths, stride if isinstance(stride, int) else stride[0])
