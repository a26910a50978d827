"""Mamba-2: a recurrence whose decay is one number a head, computed as matrix products over chunks of time.

Dao and Gu 2024, "Transformers are SSMs", arXiv 2405.21060. Differs: one group of B and C; narrow defaults;
all RMS norms add 1e-6 to the mean square (in the code 1e-5).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from bicameral.kernels.linear_scan import linear_scan
from bicameral.models import require_counts, require_fractions, require_multiple
from bicameral.nn.depthwise_conv import DepthwiseCausalConv1d
from bicameral.nn.masking import Lengths, Resets, valid_frames
from bicameral.nn.norm import RMSNorm
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Framewise, Residual, Stack
from bicameral.registry import model

CHUNK = 32  # frames whose mutual influence is one matrix
SHORTEST_STEP, LONGEST_STEP = 1e-3, 1e-1  # range of dt at the start


@dataclass(frozen=True, kw_only=True)
class SSDConfig:
    """How wide and deep, and how much each head remembers."""

    width: int = 64  # of the residual stream
    depth: int = 2  # blocks
    expansion: int = 2  # width of the recurrence, in widths
    head_width: int = 16  # channels that share one decay; the paper's have 64
    num_states: int = 32  # numbers kept of each channel; the paper's have 128
    kernel: int = 4  # taps of the convolution before each recurrence
    dropout: float = 0.0  # on each residual branch, in training

    def __post_init__(self) -> None:
        counts = ("width", "depth", "expansion", "head_width", "num_states", "kernel")
        require_counts(self, *counts)
        require_fractions(self, "dropout")
        require_multiple(self, "width", "head_width")


class SSDState(NamedTuple):
    """The last inputs of the convolution, and the state of every head."""

    conv: Float[Tensor, "b k d"]
    h: Float[Tensor, "b n p s"]


class SSDBlock(Recurrent[SSDState]):
    """h_t = e^{A dt} h_{t-1} + dt x_t B_tᵀ; y_t = h_t C_t + D x_t; then norm(y_t ⊙ SiLU(z_t))."""

    def __init__(self, config: SSDConfig):
        super().__init__()
        self.width, self.num_states = config.width, config.num_states
        self.inner = config.expansion * config.width
        self.num_heads = self.inner // config.head_width
        self.sizes = [self.inner, self.inner + 2 * self.num_states, self.num_heads]  # of z, (x, B, C) and dt
        self.project = nn.Linear(config.width, sum(self.sizes), bias=False)
        self.conv = DepthwiseCausalConv1d(self.sizes[1], config.kernel)
        dt = torch.empty(self.num_heads).uniform_(math.log(SHORTEST_STEP), math.log(LONGEST_STEP)).exp()
        self.dt_bias = nn.Parameter(dt + (-torch.expm1(-dt)).log())  # softplus of it is dt
        self.log_decay = nn.Parameter(torch.empty(self.num_heads).uniform_(1, 16).log())  # log of -A
        self.D = nn.Parameter(torch.ones(self.num_heads))
        self.norm = RMSNorm(self.inner)
        self.out = nn.Linear(self.inner, config.width, bias=False)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SSDState:
        conv = self.conv.initial_state(x_t.new_zeros(x_t.shape[0], self.conv.width))
        head = self.inner // self.num_heads
        return SSDState(conv, self.D.new_zeros(x_t.shape[0], self.num_heads, head, self.num_states))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SSDState, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t d"], SSDState]:
        z, u, dt = self.project(x).split(self.sizes, -1)
        u, conv = self.conv(u, state.conv, lengths=lengths, resets=resets)
        u, b, c = functional.silu(u).split([self.inner, self.num_states, self.num_states], -1)
        dt = functional.softplus(dt.to(state.h.dtype) + self.dt_bias)
        if lengths is not None:  # no time passes behind the end
            dt = dt * valid_frames(lengths, x.shape[1])[..., None]
        u = u.unflatten(-1, (self.num_heads, -1))
        y, h = ssd(-dt * self.log_decay.exp(), u * dt[..., None], b, c, state.h, resets)
        y = (y + self.D[:, None] * u).flatten(2)
        return self.out(self.norm(y * functional.silu(z))), SSDState(conv, h)


def ssd(
    log_a: Float[Tensor, "b t n"],
    x: Float[Tensor, "b t n p"],
    b: Float[Tensor, "b t s"],
    c: Float[Tensor, "b t s"],
    h: Float[Tensor, "b n p s"],
    resets: Resets = None,
) -> tuple[Float[Tensor, "b t n p"], Float[Tensor, "b n p s"]]:
    """Return every h_t c_t and the last h_t of h_t = a_t h_{t-1} + x_t b_tᵀ.

    In a chunk y = (decay ⊙ c bᵀ) x with decay_ij = a_i ... a_{j+1}; from chunk to chunk h is a linear scan.
    """
    num_frames = x.shape[1]
    log_a, x, b, c = (_chunks(v) for v in (log_a, x, b, c))
    past = log_a.cumsum(2).transpose(2, 3)  # of log_a since the chunk began: b c n t
    frame = torch.arange(x.shape[2], device=x.device)
    hidden, since = frame > frame[:, None], past.exp()
    if resets is not None:
        document = _chunks(resets).cumsum(2)[:, :, None]
        hidden = hidden | (document[..., None] != document[..., None, :])
        since = since.masked_fill(document > 0, 0)
    decay = (past[..., None] - past[..., None, :]).masked_fill(hidden, -math.inf).exp()
    x = x.transpose(2, 3)
    y = (decay * (c @ b.transpose(-1, -2))[:, :, None]) @ x
    added = (x * decay[..., -1, :, None]).transpose(-1, -2) @ b[:, :, None]
    starts, h = _carry(since[..., -1], added, h)
    y = y + since[..., None] * (c[:, :, None] @ starts.transpose(-1, -2))
    return y.transpose(2, 3).flatten(1, 2)[:, :num_frames], h


def _chunks(v: Shaped[Tensor, "b t *d"]) -> Shaped[Tensor, "b c k *d"]:
    """Cut time into chunks; zeroes fill the last, so that nothing decays or enters there."""
    size = min(v.shape[1], CHUNK)
    return functional.pad(v, [0, 0] * (v.dim() - 2) + [0, -v.shape[1] % size]).unflatten(1, (-1, size))


def _carry(
    decay: Float[Tensor, "b c n"], added: Float[Tensor, "b c n p s"], h: Float[Tensor, "b n p s"]
) -> tuple[Float[Tensor, "b c n p s"], Float[Tensor, "b n p s"]]:
    """Return the state before each chunk and after the last."""
    a = decay[..., None, None].expand_as(added).flatten(2).contiguous()
    ends = linear_scan(a, added.to(h.dtype).flatten(2), h.flatten(1)).unflatten(2, h.shape[1:])
    return torch.cat([h[:, None], ends[:, :-1]], 1), ends[:, -1]


@model(
    "ssd",
    config=SSDConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2405.21060",
    sizes={
        "small": {"width": 32, "num_states": 16},
        "medium": {"width": 64},
        "large": {"width": 128, "depth": 4},
    },
    causal=True,
)
class SSD(Stack):
    """A projection, residual blocks, a last norm."""

    def __init__(self, shape: tuple[int, ...], config: SSDConfig):
        width = config.width
        super().__init__(
            [
                Framewise(nn.Linear(shape[-1], width), width),
                *(
                    Residual(SSDBlock(config), RMSNorm(width), dropout=config.dropout)
                    for _ in range(config.depth)
                ),
                Framewise(RMSNorm(width), width),
            ]
        )
