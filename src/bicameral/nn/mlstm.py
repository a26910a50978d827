"""The mLSTM cell of xLSTM (arXiv 2405.04517): a matrix memory, written and read by keys, chunk by chunk."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from bicameral.nn.masking import Lengths, valid_frames
from bicameral.nn.recurrent import Recurrent

CHUNK = 64  # frames that see each other at once; measured on one core, 32 to 128 are much alike


class MLSTMState(NamedTuple):
    """Memory, normaliser and stabiliser of each head; the true C and n are e^m times as large."""

    C: Float[Tensor, "b h d d"]
    n: Float[Tensor, "b h d"]
    m: Float[Tensor, "b h"]


class MLSTM(Recurrent[MLSTMState]):
    """C = σ(f) C + e^i k v', n = σ(f) n + e^i k, h = C' q / max(|n' q|, 1), with k over the root of its size.

    A frame holds q, k and v of all heads side by side; one i and f a head are linear in it.
    """

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.width, self.num_heads = width, num_heads
        self.gates = nn.Linear(3 * width, 2 * num_heads)
        nn.init.zeros_(self.gates.weight)
        nn.init.normal_(self.gates.bias.data[:num_heads], std=0.1)
        self.gates.bias.data[num_heads:] = torch.linspace(3, 6, num_heads)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> MLSTMState:
        n = self.output_like(x_t).unflatten(1, (self.num_heads, -1))
        return MLSTMState(n.new_zeros(*n.shape, n.shape[-1]), n, n.new_zeros(n.shape[:2]))

    def scan(
        self, x: Float[Tensor, "b t d"], state: MLSTMState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], MLSTMState]:
        q, k, v = x.unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        i, f = self.gates(x).transpose(1, 2).chunk(2, 1)
        f = logsigmoid(f)
        if lengths is not None:  # behind the end nothing is forgotten and nothing is written
            ended = ~valid_frames(lengths, x.shape[1])[:, None]
            i, f = i.masked_fill(ended, -math.inf), f.masked_fill(ended, 0)
        outputs, k = [], k / math.sqrt(k.shape[-1])
        for start in range(0, x.shape[1], CHUNK):
            q_c, k_c, v_c, i_c, f_c = (part[:, :, start : start + CHUNK] for part in (q, k, v, i, f))
            h, state = _chunk(q_c, k_c, v_c, i_c, f_c, state)
            outputs.append(h)
        return torch.cat(outputs, 2).transpose(1, 2).flatten(2), state


def _chunk(
    q: Float[Tensor, "b h t d"],
    k: Float[Tensor, "b h t d"],
    v: Float[Tensor, "b h t d"],
    i: Float[Tensor, "b h t"],
    f: Float[Tensor, "b h t"],
    state: MLSTMState,
) -> tuple[Float[Tensor, "b h t d"], MLSTMState]:
    """Let every frame of a chunk see the state before and the frames up to itself, as attention does.

    log_w[t, s] is what is left at t of what frame s wrote, and `before` what is left of the state.
    """
    forgotten = f.cumsum(2)
    log_w = forgotten[..., :, None] - forgotten[..., None, :] + i[..., None, :]
    future = torch.ones_like(log_w[0, 0], dtype=torch.bool).triu(1)
    log_w, before = log_w.masked_fill(future, -math.inf), forgotten + state.m[..., None]
    m = torch.maximum(log_w.amax(3), before).detach()  # the outputs do not depend on it
    w, before = (log_w - m[..., None]).exp(), (before - m).exp()
    seen = w * (q @ k.transpose(2, 3))
    read = seen @ v + before[..., None] * (q @ state.C)
    norm = seen.sum(3) + before * (q @ state.n[..., None]).squeeze(3)
    h = read / torch.maximum(norm.abs(), (-m).exp())[..., None]
    written = w[:, :, -1, :, None] * k
    memory = before[:, :, -1, None, None] * state.C + written.transpose(2, 3) @ v
    n = before[:, :, -1, None] * state.n + written.sum(2)
    return h, MLSTMState(memory, n, m[:, :, -1])
