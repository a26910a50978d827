"""Going on by oneself: each step drawn from what is said of it after the one before, at constant cost."""

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from bicameral.data.preprocessing.text import NUM_RESERVED, UNKNOWN, TextPreprocessing, split
from bicameral.errors import ConfigError, DataError
from bicameral.kernels.gated import Packed
from bicameral.tasks.network import Network
from bicameral.tasks.next_step import NextStep


@torch.no_grad()
def generate(
    network: Network, preprocessing: Any, prompt: Any, length: int, *, temperature: float = 1.0, seed: int = 0
) -> Any:
    """`length` steps that follow the prompt: text after a text, frames (length, keys) after frames (t, keys).

    temperature  sharpens what is drawn from below 1; 0 takes the likeliest
    """
    _check(network, length, temperature)
    read, task = _read(preprocessing, prompt), cast(NextStep, network.task)
    generator = torch.Generator().manual_seed(seed)
    network.eval()
    with Packed(network):
        output, state = network.scan(read[None], None)
        output, drawn = output[:, -1], []
        while True:
            drawn.append(task.draw(output[0].double(), temperature, generator))
            if len(drawn) == length:
                break
            output, state = network.step(drawn[-1][None], state)
    steps = torch.stack(drawn)
    return _text(preprocessing, steps) if steps.dim() == 1 else steps.numpy().astype(np.uint8)


def _check(network: Network, length: int, temperature: float) -> None:
    if not network.task.per_step:
        raise ConfigError(
            f"this artifact answers {network.task.name}; generate needs one trained with answer=next, "
            "on texts or keys that are on or off"
        )
    if length < 1:
        raise ConfigError(f"length is {length}; expected at least 1")
    if not 0 <= temperature < math.inf:
        raise ConfigError(f"temperature is {temperature:g}; expected 0 or more, such as 0.8")


def _read(preprocessing: Any, prompt: Any) -> Tensor:
    if not len(prompt):
        raise DataError("the prompt is empty; expected at least one step to go on from")
    if not isinstance(preprocessing, TextPreprocessing):
        return torch.from_numpy(preprocessing(np.asarray(prompt, np.float32)))
    if not isinstance(prompt, str):
        raise DataError(f"the prompt is {type(prompt).__name__}; expected text")
    pieces = split(prompt, preprocessing.tokens)
    return torch.tensor([preprocessing.numbers.get(piece, UNKNOWN) for piece in pieces] or [UNKNOWN])


def unread(preprocessing: Any, prompt: Any) -> list[str]:
    """The characters or words of a prompt that training never showed: they are read as unknown."""
    if not isinstance(preprocessing, TextPreprocessing):
        return []
    pieces = dict.fromkeys(split(prompt, preprocessing.tokens))
    return [piece for piece in pieces if piece not in preprocessing.numbers]


def _text(preprocessing: TextPreprocessing, tokens: Tensor) -> str:
    written = [preprocessing.vocabulary[token - NUM_RESERVED] for token in tokens.tolist()]
    return (" " if preprocessing.tokens == "words" else "").join(written)
