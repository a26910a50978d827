"""Causal attention to the last frames, under the recurrent contract: its state is their keys and values."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from bicameral.nn.lecun import lecun_linear
from bicameral.nn.masking import Lengths, Resets, last_frames, last_valid
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.rope import rotate

SHORTEST_BLOCK = 64  # frames that look back together; fewer would be many small products


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
        empty = x_t.new_zeros(len(x_t), self.reach, self.num_kv_heads, self.head_width)
        return KeysValues(empty, empty, torch.zeros(len(x_t), dtype=torch.int64, device=x_t.device))

    def scan(
        self, x: Float[Tensor, "b t d"], state: KeysValues, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t d"], KeysValues]:
        q = self.q(x).unflatten(-1, (self.num_heads, -1))
        k, v = self.kv(x).unflatten(-1, (2, self.num_kv_heads, -1)).unbind(2)
        k, v = torch.cat([state.k, k], 1), torch.cat([state.v, v], 1)
        document = self._documents(state.num_held, x.shape[1], resets)
        kept = last_frames(document, lengths, self.reach)
        kept = kept == last_valid(document[:, self.reach :], lengths)[:, None]
        past_k, past_v = (
            last_frames(frames, lengths, self.reach).where(kept[..., None, None], 0) for frames in (k, v)
        )
        empty = self._empty(state.num_held, x.shape[1])
        y = self._attend(q, k[:, empty:], v[:, empty:], document[:, empty:])
        return self.out(y), KeysValues(past_k, past_v, kept.sum(1))

    def _empty(self, num_held: Int[Tensor, "b"], num_frames: int) -> int:
        """Return how many frames of the state no row holds and one block need not look at."""
        if num_frames > self._block(num_frames) or torch.compiler.is_compiling():
            return 0
        return self.reach - int(num_held.max())

    def _block(self, num_frames: int) -> int:
        return min(num_frames, max(self.reach, SHORTEST_BLOCK))

    def _documents(self, num_held: Int[Tensor, "b"], num_frames: int, resets: Resets) -> Int[Tensor, "b s"]:
        """Return the document of every frame in reach: -1 where there is none, 0 for that of the state."""
        empty = torch.arange(self.reach, device=num_held.device) < self.reach - num_held[:, None]
        new = num_held.new_zeros(len(num_held), num_frames) if resets is None else resets.cumsum(1)
        return torch.cat([-empty.long(), new], 1)

    def _attend(
        self,
        q: Float[Tensor, "b t n e"],
        k: Float[Tensor, "b s m e"],
        v: Float[Tensor, "b s m e"],
        document: Int[Tensor, "b s"],
    ) -> Float[Tensor, "b t d"]:
        """Cut time into blocks; the frames of one attend to it and to the frames in reach before it."""
        num_rows, num_frames = q.shape[:2]
        reach, block = k.shape[1] - num_frames, self._block(num_frames)
        if self.num_rotated:
            positions = torch.arange(k.shape[1], device=k.device)
            q = rotate(q, positions[reach:], self.num_rotated)
            k = rotate(k, positions, self.num_rotated)
        padding = -num_frames % block
        q, k, v = (functional.pad(frames, (0, 0, 0, 0, 0, padding)) for frames in (q, k, v))
        q, k, v = _in_reach(q, 0, block), _in_reach(k, reach, block), _in_reach(v, reach, block)
        visible = self._visible(functional.pad(document, (0, padding)), reach, block)
        y = functional.scaled_dot_product_attention(q, k, v, visible, enable_gqa=True)
        y = y.transpose(1, 2).unflatten(0, (num_rows, -1)).flatten(1, 2)
        return y[:, :num_frames].flatten(2)

    def _visible(self, document: Int[Tensor, "b s"], reach: int, block: int) -> Bool[Tensor, "c 1 q k"]:
        """Return which keys each frame of each block may see: near enough, not later, of its document."""
        key = torch.arange(reach + block, device=document.device)
        behind = key[reach:, None] - key
        document = document.unfold(1, reach + block, block).flatten(0, 1)
        same = document[:, reach:, None] == document[:, None]
        return (same & (behind >= 0) & (behind <= self.reach))[:, None]


def _in_reach(frames: Float[Tensor, "b s n e"], reach: int, block: int) -> Float[Tensor, "c n k e"]:
    """Blocks of frames, each with the `reach` frames before it, as rows of their own."""
    return frames.unfold(1, reach + block, block).flatten(0, 1).transpose(-1, -2)
