"""Recurrent layers one after another with dropout between them, as torch's own have it."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, Resets
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack


class DropoutStack(Stack):
    """A `Stack` that drops inputs of every layer but the first, in training."""

    def __init__(self, layers: Iterable[Recurrent], dropout: float):
        super().__init__(layers)
        self.dropout = nn.Dropout(dropout)

    def scan(
        self, x: Float[Tensor, "b t d"], state: tuple, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t e"], tuple]:
        states = []
        for level, (layer, before) in enumerate(zip(self, state, strict=True)):
            x, after = layer(self.dropout(x) if level else x, before, lengths=lengths, resets=resets)
            states.append(after)
        return x, tuple(states)
