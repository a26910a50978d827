"""Causal attention to the last frames, under the recurrent contract: its state is their keys and values."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from bicameral.nn.lecun import lecun_linear
from bicameral.nn.masking import Lengths, Resets, last_frames, last_state
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.rope import rotate

BLOCK = 128  # frames that look back together: larger ones see more that is masked, smaller are many products


class KeysValues(NamedTuple):
    """Keys, not yet rotated, and values of the last `window - 1` frames, newest last; how many are held."""

    k: Float[Tensor, "b s n e"]
    v: Float[Tensor, "b s n e"]
    num_held: Int[Tensor, "b"]


class LocalAttention(Recurrent[KeysValues]):
    """Every frame sees itself and the `window - 1` frames before it.

    num_kv_heads  heads of keys and values, each shared by num_heads / num_kv_heads heads of queries
    num_rotated   dimensions of each head that know positions; positions count from the oldest key in
                  reach, so that no number grows with the stream
    variance      of the output projection at the start, as a multiple of that of the others
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        *,
        window: int,
        num_kv_heads: int = 1,
        num_rotated: int = 0,
        bias: bool = False,
        variance: float = 1.0,
    ):
        super().__init__()
        self.width, self.reach, self.num_rotated = width, window - 1, num_rotated
        self.num_heads, self.num_kv_heads, self.head_width = num_heads, num_kv_heads, width // num_heads
        self.q = lecun_linear(width, width, bias=bias)
        self.kv = lecun_linear(width, 2 * num_kv_heads * self.head_width, bias=bias)
        self.out = lecun_linear(width, width, variance=variance)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> KeysValues:
        empty = x_t.new_zeros(x_t.shape[0], self.reach, self.num_kv_heads, self.head_width)
        return KeysValues(empty, empty, torch.zeros(x_t.shape[0], dtype=torch.int64, device=x_t.device))

    def scan(
        self, x: Float[Tensor, "b t d"], state: KeysValues, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t d"], KeysValues]:
        q = self.q(x).unflatten(-1, (self.num_heads, -1))
        k, v = self.kv(x).unflatten(-1, (2, self.num_kv_heads, -1)).unbind(2)
        k, v = torch.cat([state.k, k], 1), torch.cat([state.v, v], 1)
        document = self._documents(state.num_held, x.shape[1], resets)
        kept = last_frames(document, lengths, self.reach)
        own = torch.zeros_like(state.num_held)  # the document of the state
        kept = kept == last_state(document[:, self.reach :], own, lengths)[:, None]
        past_k, past_v = last_frames(k, lengths, self.reach), last_frames(v, lengths, self.reach)
        if resets is not None:
            past_k, past_v = (past.where(kept[..., None, None], 0) for past in (past_k, past_v))
        empty = self._empty(state.num_held)
        y = self._attend(q, k[:, empty:], v[:, empty:], document[:, empty:])
        return self.out(y), KeysValues(past_k, past_v, kept.sum(1))

    def _empty(self, num_held: Int[Tensor, "b"]) -> int:
        """Return how many places of the state hold nothing in any row, to pass over them."""
        return 0 if torch.compiler.is_compiling() else self.reach - int(num_held.max())

    def _documents(self, num_held: Int[Tensor, "b"], num_frames: int, resets: Resets) -> Int[Tensor, "b s"]:
        """Return the document of every frame in reach: -1 where there is none, 0 for that of the state."""
        empty = torch.arange(self.reach, device=num_held.device) < self.reach - num_held[:, None]
        new = num_held.new_zeros(num_held.shape[0], num_frames) if resets is None else resets.cumsum(1)
        return torch.cat([-empty.long(), new], 1)

    def _attend(
        self,
        q: Float[Tensor, "b t n e"],
        k: Float[Tensor, "b s m e"],
        v: Float[Tensor, "b s m e"],
        document: Int[Tensor, "b s"],
    ) -> Float[Tensor, "b t d"]:
        """Let every block of frames see the keys in its reach."""
        num_past = k.shape[1] - q.shape[1]
        if self.num_rotated:
            positions = torch.arange(k.shape[1], device=k.device)
            q = rotate(q, positions[num_past:], self.num_rotated)
            k = rotate(k, positions, self.num_rotated)
        q, k, v = (frames.transpose(1, 2) for frames in (q, k, v))
        outputs = []
        for begin in range(0, q.shape[2], BLOCK):
            block = q[:, :, begin : begin + BLOCK]
            end = num_past + begin + block.shape[2]
            seen = slice(max(0, num_past + begin - self.reach), end)
            visible = self._visible(document[:, seen], block.shape[2])
            outputs.append(
                functional.scaled_dot_product_attention(
                    block, k[:, :, seen], v[:, :, seen], visible, enable_gqa=True
                )
            )
        return torch.cat(outputs, 2).transpose(1, 2).flatten(2)

    def _visible(self, document: Int[Tensor, "b s"], num_queries: int) -> Bool[Tensor, "b 1 q s"]:
        """Return which keys each of the last frames may see: near enough, not later, of its document."""
        key = torch.arange(document.shape[1], device=document.device)
        behind = key[-num_queries:, None] - key
        same = document[:, -num_queries:, None] == document[:, None]
        return (same & (behind >= 0) & (behind <= self.reach))[:, None]
