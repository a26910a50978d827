"""A decoder that is fed its own answers."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.recurrent import Recurrent


def roll_out(
    decoder: Recurrent, read_out: nn.Module, first: Float[Tensor, "b *d"], state: Any, num_steps: int
) -> Float[Tensor, "b t *d"]:
    """Return `num_steps` answers; each is the next input, `first` the first."""
    answers, answer = [], first
    for _ in range(num_steps):
        y_t, state = decoder.step(answer, state)
        answer = read_out(y_t)
        answers.append(answer)
    return torch.stack(answers, 1)
