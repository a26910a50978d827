"""The linear scan on a GPU: time in chunks, one after the other; within a chunk an associative scan."""

# Triton comes with CUDA builds of PyTorch only, and its kernels are launched by indexing them.
# pyright: reportMissingImports=false, reportIndexIssue=false

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

CHUNK, CHANNELS = 32, 64  # frames and channels that one program holds


def forward(
    a: Float[Tensor, "b t d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t."""
    a, x, h = a.contiguous(), x.contiguous(), h.contiguous()
    y = torch.empty_like(x)
    _forward[_grid(x)](a, x, h, y, *x.shape[1:], CHUNK, CHANNELS)
    return y


def backward(
    a: Float[Tensor, "b t d"],
    h: Float[Tensor, "b d"],
    y: Float[Tensor, "b t d"],
    grad: Float[Tensor, "b t d"],
) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b t d"], Float[Tensor, "b d"]]:
    """Return the gradients of a, x and h, given the states `y` and the gradient of them."""
    a, h, y, grad = (v.contiguous() for v in (a, h, y, grad))
    da, dx, dh = torch.empty_like(y), torch.empty_like(y), torch.empty_like(h)
    _backward[_grid(y)](a, h, y, grad, da, dx, dh, *y.shape[1:], CHUNK, CHANNELS)
    return da, dx, dh


def _grid(x: Tensor) -> tuple[int, int]:
    return x.shape[0], triton.cdiv(x.shape[2], CHANNELS)


@triton.jit
def _combine(a, x, later_a, later_x):
    return a * later_a, later_a * x + later_x


@triton.jit
def _last(v, CHUNK: tl.constexpr):  # noqa: N803  constants of Triton
    rows = tl.arange(0, CHUNK)[:, None]
    return tl.sum(tl.where(rows == CHUNK - 1, v, 0.0), 0)


@triton.jit
def _forward(a, x, h, y, frames, width, CHUNK: tl.constexpr, CHANNELS: tl.constexpr):  # noqa: N803
    row = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    state = tl.load(h + row * width + c, mask=c < width, other=0.0)
    for start in range(0, frames, CHUNK):
        t = start + tl.arange(0, CHUNK)
        at = (row * frames + t[:, None]) * width + c[None, :]
        there = (t < frames)[:, None] & (c < width)[None, :]
        decay = tl.load(a + at, mask=there, other=1.0)  # behind the end the state is kept
        local = tl.load(x + at, mask=there, other=0.0)
        decay, local = tl.associative_scan((decay, local), 0, _combine)
        local += decay * state[None, :]
        tl.store(y + at, local, mask=there)
        state = _last(local, CHUNK)


@triton.jit
def _backward(
    a, h, y, dy, da, dx, dh, frames, width, CHUNK: tl.constexpr, CHANNELS: tl.constexpr  # noqa: N803
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    first = tl.load(h + row * width + c, mask=c < width, other=0.0)
    carry = tl.zeros([CHANNELS], tl.float32)
    for start in range(0, frames, CHUNK):
        t = frames - 1 - start - tl.arange(0, CHUNK)  # time runs backwards in a chunk
        at = (row * frames + t[:, None]) * width + c[None, :]
        there = (t >= 0)[:, None] & (c < width)[None, :]
        followed = there & (t + 1 < frames)[:, None]
        later = tl.load(a + at + width, mask=followed, other=0.0)
        later = tl.where(there, later, 1.0)  # before the beginning the gradient is kept
        local = tl.load(dy + at, mask=there, other=0.0)
        later, local = tl.associative_scan((later, local), 0, _combine)
        local += later * carry[None, :]
        before = tl.load(y + at - width, mask=there & (t > 0)[:, None], other=0.0)
        before = tl.where((t > 0)[:, None], before, first[None, :])
        tl.store(dx + at, local, mask=there)
        tl.store(da + at, local * before, mask=there)
        carry = _last(local, CHUNK)
    start_decay = tl.load(a + row * frames * width + c, mask=c < width, other=0.0)
    tl.store(dh + row * width + c, start_decay * carry, mask=c < width)
