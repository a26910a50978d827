"""Linear layers that keep the variance of what they read."""

import math

from torch import nn


def lecun_linear(num_inputs: int, num_outputs: int, *, bias: bool = True, variance: float = 1.0) -> nn.Linear:
    """Return a linear layer with weights from N(0, variance / num_inputs) and biases of zero."""
    layer = nn.Linear(num_inputs, num_outputs, bias)
    nn.init.normal_(layer.weight, std=math.sqrt(variance / num_inputs))
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
