"""The usual deep recurrence: a projection, pre-norm residual layers, a last norm."""

from collections.abc import Iterable

from torch import nn

from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Framewise, Residual, Stack


class PreNormStack(Stack):
    """Layers that all have one width, each x + dropout(layer(LayerNorm(x)))."""

    def __init__(self, num_inputs: int, layers: Iterable[Recurrent], *, dropout: float = 0.0):
        layers = list(layers)
        width = layers[0].width
        super().__init__(
            [
                Framewise(nn.Linear(num_inputs, width), width),
                *(Residual(layer, nn.LayerNorm(width), dropout=dropout) for layer in layers),
                Framewise(nn.LayerNorm(width), width),
            ]
        )
