"""Path signatures under the recurrent contract: the state is the signature so far (Chen's identity)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.kernels.signature import signature, signature_size
from bicameral.nn.masking import Lengths, last_state
from bicameral.nn.recurrent import Recurrent


class SignatureState(NamedTuple):
    """How many frames were seen, the last of them and the signature of the path so far."""

    n: Float[Tensor, "b"]
    x: Float[Tensor, "b d"]
    s: Float[Tensor, "b e"]


class Signature(Recurrent[SignatureState]):
    """y_t is the signature, levels 1 to `depth`, of the path through the frames up to x_t.

    The path starts at the first frame, so that only increments count; a channel of time makes the speed count
    too, a leading frame of zeroes the place. Values grow like |path|^k / k!: standardise the frames.
    """

    def __init__(self, num_inputs: int, depth: int = 2):
        super().__init__()
        self.depth, self.width = depth, signature_size(num_inputs, depth)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SignatureState:
        return SignatureState(x_t.new_zeros(x_t.shape[0]), torch.zeros_like(x_t), self.output_like(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SignatureState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SignatureState]:
        previous = torch.where(state.n[:, None] > 0, state.x, x[:, 0])
        delta = torch.diff(x, dim=1, prepend=previous[:, None])
        y = signature(delta, state.s, self.depth)
        seen = x.shape[1] if lengths is None else lengths.to(state.n)
        return y, SignatureState(
            state.n + seen, last_state(x, state.x, lengths), last_state(y, state.s, lengths)
        )


class RunningSignature(Recurrent[SignatureState]):
    """y_t = S(t, x)_{0,t} / t, the signature of the frames beside their time, over the time since the first.

    time_scale  frames that make a time of one. Zero stands at the first frame, where nothing has passed.
    """

    def __init__(self, num_inputs: int, depth: int = 2, *, time_scale: float = 1.0):
        super().__init__()
        self.signature, self.time_scale = Signature(num_inputs + 1, depth), time_scale
        self.width = self.signature.width

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SignatureState:
        return self.signature.initial_state(nn.functional.pad(x_t, (1, 0)))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SignatureState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], SignatureState]:
        frames = state.n[:, None] + torch.arange(x.shape[1], device=x.device, dtype=x.dtype)
        time = (frames / self.time_scale)[..., None]
        y, state = self.signature(torch.cat([time, x], 2), state, lengths=lengths)
        return y / torch.where(frames == 0, 1, frames / self.time_scale)[..., None], state
