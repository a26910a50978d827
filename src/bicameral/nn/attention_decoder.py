"""Decoders that look at every step at a memory: by Bahdanau's additive attention, and by Luong's three.

The memory and its lengths are part of the state, so that a decoder is recurrent like everything else. The
keys, which do not depend on the step, are computed once, in `start`.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, valid_frames, zero_padding
from bicameral.nn.recurrent import Recurrent

SCORES = ("dot", "general", "concat")


class Memory(NamedTuple):
    """What may be attended to."""

    values: Float[Tensor, "b s m"]
    keys: Float[Tensor, "b s a"]
    lengths: Int[Tensor, "b"]


class AdditiveScore(nn.Module):
    """v tanh(W s + U h): Bahdanau's, and Luong's concat."""

    def __init__(self, query_width: int, memory_width: int, width: int):
        super().__init__()
        self.keys = nn.Linear(memory_width, width)
        self.query = nn.Linear(query_width, width, bias=False)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, query: Float[Tensor, "b q"], keys: Float[Tensor, "b s a"]) -> Float[Tensor, "b s"]:
        return self.score(torch.tanh(self.query(query).unsqueeze(1) + keys)).squeeze(-1)


class DotScore(nn.Module):
    """Luong's s h, for a memory as wide as the query; `general`: s W h."""

    def __init__(self, query_width: int, memory_width: int, *, general: bool):
        super().__init__()
        assert general or query_width == memory_width, f"{query_width} and {memory_width} have no dot product"
        self.keys = nn.Linear(memory_width, query_width, bias=False) if general else nn.Identity()

    def forward(self, query: Float[Tensor, "b q"], keys: Float[Tensor, "b s q"]) -> Float[Tensor, "b s"]:
        return torch.einsum("bq,bsq->bs", query, keys)


Score = AdditiveScore | DotScore


def remember(score: Score, values: Float[Tensor, "b s m"], lengths: Lengths) -> Memory:
    """Return the memory with its keys; NaN behind `lengths` is nothing."""
    values = zero_padding(values, lengths)
    if lengths is None:
        lengths = torch.full((values.shape[0],), values.shape[1], device=values.device)
    return Memory(values, score.keys(values), lengths)


def attend(
    score: Score, query: Float[Tensor, "b q"], memory: Memory
) -> tuple[Float[Tensor, "b m"], Float[Tensor, "b s"]]:
    """Return the weighted memory, and the weights: one in sum, zero behind the lengths, zero without any."""
    padding = ~valid_frames(memory.lengths, memory.values.shape[1])
    scores = score(query, memory.keys)
    weights = scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(1).masked_fill(padding, 0)
    return torch.einsum("bs,bsm->bm", weights, memory.values), weights


class BahdanauState(NamedTuple):
    """The state of the cell, and what it looks at."""

    s: Float[Tensor, "b d"]
    memory: Memory


class BahdanauDecoder(Recurrent[BahdanauState]):
    """c_t attends by s_t-1; s_t = GRU([x_t, c_t], s_t-1); y_t = [s_t, c_t] (arXiv 1409.0473)."""

    def __init__(self, num_inputs: int, memory_width: int, width: int):
        super().__init__()
        self.width, self.memory_width = width + memory_width, memory_width
        self.score = AdditiveScore(width, memory_width, width)
        self.cell = nn.GRUCell(num_inputs + memory_width, width)

    def start(
        self, s: Float[Tensor, "b d"], memory: Float[Tensor, "b s m"], lengths: Lengths = None
    ) -> BahdanauState:
        """Return the state before the first step."""
        return BahdanauState(s, remember(self.score, memory, lengths))

    def initial_state(self, x_t: Float[Tensor, "b e"]) -> BahdanauState:
        """Nothing to look at but one zero."""
        s = x_t.new_zeros(x_t.shape[0], self.cell.hidden_size)
        return self.start(s, x_t.new_zeros(x_t.shape[0], 1, self.memory_width))

    def step(
        self, x_t: Float[Tensor, "b e"], state: BahdanauState
    ) -> tuple[Float[Tensor, "b y"], BahdanauState]:
        context, _ = attend(self.score, state.s, state.memory)
        s = self.cell(torch.cat([x_t, context], -1), state.s)
        return torch.cat([s, context], -1), state._replace(s=s)


class LuongState(NamedTuple):
    """The state of the cell, the last answer, and what is looked at."""

    s: Float[Tensor, "b d"]
    cell: Float[Tensor, "b d"]
    attentional: Float[Tensor, "b d"]
    memory: Memory


class LuongDecoder(Recurrent[LuongState]):
    """s_t = LSTM([x_t, y_t-1], s_t-1); c_t attends by s_t; y_t = tanh(W [c_t, s_t]) (arXiv 1508.04025).

    The last answer is an input of the next step ("input feeding"). score is dot, general or concat.
    """

    def __init__(self, num_inputs: int, memory_width: int, width: int, *, score: str = "general"):
        super().__init__()
        assert score in SCORES, f"{score!r} is none of {SCORES}"
        self.width, self.memory_width = width, memory_width
        self.score: Score = (
            AdditiveScore(width, memory_width, width)
            if score == "concat"
            else DotScore(width, memory_width, general=score == "general")
        )
        self.cell = nn.LSTMCell(num_inputs + width, width)
        self.combine = nn.Linear(memory_width + width, width, bias=False)

    def start(
        self,
        s: Float[Tensor, "b d"],
        cell: Float[Tensor, "b d"],
        memory: Float[Tensor, "b s m"],
        lengths: Lengths = None,
    ) -> LuongState:
        """Return the state before the first step."""
        return LuongState(s, cell, torch.zeros_like(s), remember(self.score, memory, lengths))

    def initial_state(self, x_t: Float[Tensor, "b e"]) -> LuongState:
        """Nothing to look at but one zero."""
        s = x_t.new_zeros(x_t.shape[0], self.width)
        return self.start(s, s, x_t.new_zeros(x_t.shape[0], 1, self.memory_width))

    def step(self, x_t: Float[Tensor, "b e"], state: LuongState) -> tuple[Float[Tensor, "b d"], LuongState]:
        s, cell = self.cell(torch.cat([x_t, state.attentional], -1), (state.s, state.cell))
        context, _ = attend(self.score, s, state.memory)
        y_t = torch.tanh(self.combine(torch.cat([context, s], -1)))
        return y_t, LuongState(s, cell, y_t, state.memory)
