"""Character or word n-grams: the next token by counts of what followed the last few tokens.

Kneser and Ney 1995, doi 10.1109/ICASSP.1995.479394, interpolated and with the three discounts of Chen and
Goodman 1999, doi 10.1006/csla.1999.0128. Differs: the lowest order is interpolated with a uniform one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bicameral.models import require_counts
from bicameral.nn.fitted_buffers import FittedBuffers
from bicameral.nn.masking import Lengths, last_state
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import model

FEW = 0.5  # the discount where too few n-grams are rare to tell a better one


@dataclass(frozen=True, kw_only=True)
class NGramConfig:
    """How far back it looks."""

    order: int = 6  # tokens of the longest n-gram, the predicted one included
    num_outputs: int = 2  # tokens there are; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "order", "num_outputs")


@model(
    "ngram",
    config=NGramConfig,
    family="baseline",
    reads="sequence",
    gives="next",
    paper="https://doi.org/10.1006/csla.1999.0128",
    sizes={"default": {}},
    causal=True,
    fitted="count",
    kinds=("text",),
)
class NGram(FittedBuffers, Recurrent[Tensor]):
    """p_k(w | context) = share(context, w) + rest(context) p_{k-1}(w | context but its first token).

    Frames hold one number, the token. A context of k tokens is a node of a trie; the state is the node of
    each length at the last token, -1 where it was never seen. The children of a node are a run of the
    sorted `keys`, each parent * num_outputs + token.
    """

    base: Tensor

    def __init__(self, shape: tuple[int, ...], config: NGramConfig):  # noqa: ARG002
        super().__init__()
        self.width, self.lengths = config.num_outputs, range(1, config.order)
        self.register_buffer("base", torch.full((self.width,), 1 / self.width))
        for k in self.lengths:
            self.register_buffer(f"keys_{k}", torch.full((1,), -1))
            self.register_buffer(f"share_{k}", torch.zeros(1))
            self.register_buffer(f"rest_{k}", torch.ones(self.width if k == 1 else 1))

    def count(self, streams: Sequence[Tensor]) -> None:
        """Fit to texts, each a run of tokens (t,)."""
        tables = _tables([stream.numpy() for stream in streams], self.width, len(self.lengths) + 1)
        uniform = np.arange(self.width) > 0  # every token but padding
        base = tables[0].share + tables[0].rest * uniform / max(1, self.width - 1)
        self.base = torch.from_numpy(base).to(self.base)
        for k, table in zip(self.lengths, tables[1:], strict=True):
            self._set(
                k, torch.from_numpy(table.keys), torch.from_numpy(table.share), torch.from_numpy(table.rest)
            )

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Int[Tensor, "b k"]:
        return torch.full((x_t.shape[0], len(self.lengths)), -1, device=x_t.device)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Int[Tensor, "b k"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t v"], Int[Tensor, "b k"]]:
        tokens = x[..., 0].long().clamp(0, self.width - 1)
        nodes = self._nodes(tokens, state)
        y = self._probabilities(nodes.flatten(0, 1)).log().unflatten(0, tokens.shape)
        return y, last_state(nodes, state, lengths)

    def _nodes(self, tokens: Int[Tensor, "b t"], state: Int[Tensor, "b k"]) -> Int[Tensor, "b t k"]:
        """The node of every length at every token: the child of the shorter one a token before."""
        nodes = tokens[..., None]
        for k in self.lengths[1:]:
            before = torch.cat([state[:, k - 2 : k - 1], nodes[:, :-1, -1]], 1)
            nodes = torch.cat([nodes, self._child(k - 1, before, tokens)[..., None]], -1)
        return nodes[..., : len(self.lengths)]

    def _child(self, k: int, parents: Int[Tensor, "b t"], tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        keys = self.get_buffer(f"keys_{k}")
        wanted = parents * self.width + tokens
        place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        return torch.where((parents >= 0) & (keys[place] == wanted), place, -1)

    def _probabilities(self, nodes: Int[Tensor, "n k"]) -> Float[Tensor, "n v"]:
        p = self.base.repeat(len(nodes), 1)
        for k in self.lengths:
            seen = nodes[:, k - 1] >= 0
            known, parents = seen.nonzero()[:, 0], nodes[seen, k - 1]
            keys, share = self.get_buffer(f"keys_{k}"), self.get_buffer(f"share_{k}")
            p[known] *= self.get_buffer(f"rest_{k}")[parents][:, None]
            first, end = (torch.searchsorted(keys, (parents + more) * self.width) for more in (0, 1))
            children = _ranges(first, end)
            p.index_put_(
                (known.repeat_interleave(end - first), keys[children] % self.width), share[children], True
            )
        return p

    def _set(self, k: int, keys: Tensor, share: Tensor, rest: Tensor) -> None:
        for name, value in (("keys", keys), ("share", share.to(self.base)), ("rest", rest.to(self.base))):
            setattr(self, f"{name}_{k}", value.to(self.base.device))


def _ranges(first: Int[Tensor, " n"], end: Int[Tensor, " n"]) -> Int[Tensor, " m"]:
    """The numbers from each `first` to before its `end`, one run after another."""
    sizes = end - first
    return torch.arange(int(sizes.sum()), device=first.device) + (end - sizes.cumsum(0)).repeat_interleave(
        sizes
    )


@dataclass(frozen=True)
class _Table:
    """The n-grams of one length: probability after discounting, and what is left for shorter contexts."""

    keys: np.ndarray
    share: np.ndarray
    rest: np.ndarray  # one a context, in the order of the table before


@dataclass(frozen=True)
class _Level:
    """The n-grams of one length as they occur."""

    keys: np.ndarray  # sorted: number of the n-gram without its last token * num_outputs + last token
    at: np.ndarray  # number of the n-gram that ends at each token; -1 where the text is too short
    counts: np.ndarray
    suffix: np.ndarray  # number of each n-gram without its first token, one level lower


def _tables(streams: Sequence[np.ndarray], num_tokens: int, order: int) -> list[_Table]:
    tokens = np.concatenate(streams)
    depth = np.concatenate([np.arange(len(stream)) for stream in streams])
    every = np.arange(num_tokens)
    levels = [_Level(every, tokens, np.bincount(tokens, minlength=num_tokens), np.zeros(num_tokens, int))]
    for k in range(1, order):
        levels.append(_longer(levels[-1], tokens, depth >= k, num_tokens))
    counts = [_continuations(level, longer, depth == k) for k, (level, longer) in enumerate(pairwise(levels))]
    contexts = [1, *(len(level.keys) for level in levels)]
    return [
        _discounted(level.keys, count, level.keys // num_tokens, num_contexts)
        for level, count, num_contexts in zip(levels, [*counts, levels[-1].counts], contexts, strict=False)
    ]


def _longer(level: _Level, tokens: np.ndarray, whole: np.ndarray, num_tokens: int) -> _Level:
    ends = np.flatnonzero(whole)
    keys, first, number, counts = np.unique(
        level.at[ends - 1] * num_tokens + tokens[ends],
        return_index=True, return_inverse=True, return_counts=True,
    )  # fmt: skip
    at = np.full(len(tokens), -1)
    at[ends] = number
    return _Level(keys, at, counts, level.at[ends[first]])


def _continuations(level: _Level, longer: _Level, begins: np.ndarray) -> np.ndarray:
    """How many different tokens stand before each n-gram; the beginning of a text is one more."""
    counts = np.bincount(longer.suffix, minlength=len(level.keys))
    counts[np.unique(level.at[begins])] += 1
    return counts


def _discounted(keys: np.ndarray, counts: np.ndarray, parents: np.ndarray, num_contexts: int) -> _Table:
    """Take a little of every count, and give what was taken in a context to shorter contexts."""
    taken = _discounts(counts)[counts.clip(max=3)]
    total = np.bincount(parents, counts, num_contexts)
    rest = np.ones(num_contexts)
    np.divide(np.bincount(parents, taken, num_contexts), total, out=rest, where=total > 0)
    return _Table(keys, (counts - taken) / np.maximum(total, 1)[parents], rest)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken of an n-gram seen 0, 1, 2 and more times, by how many there are of each."""
    ones, twos, threes, fours = (float((counts == times).sum()) for times in (1, 2, 3, 4))
    if not ones * twos * threes:
        return np.array([0, FEW, FEW, FEW])
    y = ones / (ones + 2 * twos)
    found = np.array([0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes])
    return found.clip([0, 0.1, 0.1, 0.1], [0, 0.9, 1.9, 2.9])
