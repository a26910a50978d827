"""How often each token, or each key, occurs: the next step as if nothing had gone before.

Tokens by the rule of Laplace 1774; what is on or off by Krichevsky and Trofimov 1981, doi
10.1109/TIT.1981.1056331.
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
class FrequenciesConfig:
    """Nothing to choose."""

    num_outputs: int = 2  # tokens or keys; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "num_outputs")


@model(
    "frequencies",
    config=FrequenciesConfig,
    family="baseline",
    reads="sequence",
    gives="next",
    paper="https://doi.org/10.1109/TIT.1981.1056331",
    sizes={"default": {}},
    causal=True,
    fitted="count",
)
class Frequencies(Recurrent[tuple]):
    """The same logits at every step."""

    logits: Tensor

    def __init__(self, shape: tuple[int, ...], config: FrequenciesConfig):  # noqa: ARG002
        super().__init__()
        self.width = config.num_outputs
        self.register_buffer("logits", torch.zeros(self.width))

    def count(self, streams: Sequence[Tensor]) -> None:
        """Fit to runs of tokens (t,) or of frames (t d) of zeroes and ones."""
        steps = torch.cat(list(streams))
        self.logits.copy_(log_odds(steps) if steps.dim() == 2 else self._log_share(steps))

    def _log_share(self, tokens: Tensor) -> Tensor:
        counts = torch.bincount(tokens, minlength=self.width).double() + 1
        counts[0] = 0  # padding
        return (counts / counts.sum()).log()

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> tuple:  # noqa: ARG002
        return ()

    def scan(
        self,
        x: Float[Tensor, "b t d"],
        state: tuple,
        lengths: Lengths,  # noqa: ARG002
    ) -> tuple[Float[Tensor, "b t v"], tuple]:
        return self.logits.expand(*x.shape[:2], -1), state


def log_odds(frames: Float[Tensor, "t d"]) -> Float[Tensor, "d"]:
    """Log-odds of being on, half a frame added on either side."""
    on = frames.double().sum(0)
    return ((on + 0.5) / (len(frames) - on + 0.5)).log()
