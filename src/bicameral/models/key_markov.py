"""Each key by its own last frame: on or off, first order, all keys apart.

The second yardstick of frames that are on or off; Krichevsky and Trofimov 1981, doi 10.1109/TIT.1981.1056331.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.models import require_counts
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class KeyMarkovConfig:
    """Nothing to choose."""

    num_outputs: int = 3  # keys; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "num_outputs")


@model(
    "key_markov",
    config=KeyMarkovConfig,
    family="baseline",
    reads="sequence",
    gives="next",
    paper="https://doi.org/10.1109/TIT.1981.1056331",
    sizes={"default": {}},
    causal=True,
    fitted="count",
    kinds=("series",),
)
class KeyMarkov(Recurrent[tuple]):
    """Two log-odds a key: after a frame in which it was off, and after one in which it was on."""

    logits: Tensor

    def __init__(self, shape: tuple[int, ...], config: KeyMarkovConfig):  # noqa: ARG002
        super().__init__()
        self.width = config.num_outputs
        self.register_buffer("logits", torch.zeros(2, self.width))

    def count(self, streams: Sequence[Tensor]) -> None:
        """Fit to runs of frames (t d) of zeroes and ones."""
        before = torch.cat([stream[:-1] for stream in streams]).double()
        after = torch.cat([stream[1:] for stream in streams]).double()
        for number, known in enumerate((1 - before, before)):
            on, off = (known * after).sum(0), (known * (1 - after)).sum(0)
            self.logits[number] = ((on + 0.5) / (off + 0.5)).log()

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> tuple:  # noqa: ARG002
        return ()

    def scan(
        self,
        x: Float[Tensor, "b t d"],
        state: tuple,
        lengths: Lengths,  # noqa: ARG002
    ) -> tuple[Float[Tensor, "b t d"], tuple]:
        off, on = self.logits
        return torch.where(x > 0.5, on, off), state
