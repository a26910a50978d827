"""Recurrent layers one after another with dropout between them, as torch's own have it."""

from collections.abc import Callable, Iterator

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, Resets
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack


class DropoutStack(Stack):
    """`depth` layers, made for the inputs they read; in training, all but the first lose some of them."""

    def __init__(self, make: Callable[[int], Recurrent], num_inputs: int, *, depth: int, dropout: float):
        super().__init__(_chain(make, num_inputs, depth))
        self.dropout = nn.Dropout(dropout)

    def scan(
        self, x: Float[Tensor, "b t d"], state: tuple, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t e"], tuple]:
        states = []
        for level, (layer, before) in enumerate(zip(self, state, strict=True)):
            x, after = layer(self.dropout(x) if level else x, before, lengths=lengths, resets=resets)
            states.append(after)
        return x, tuple(states)


def _chain(make: Callable[[int], Recurrent], num_inputs: int, depth: int) -> Iterator[Recurrent]:
    for _ in range(depth):
        yield (layer := make(num_inputs))
        num_inputs = layer.width
