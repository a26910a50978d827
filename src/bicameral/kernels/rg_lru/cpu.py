"""The compiled RG-LRU: float32 on a CPU, rows at least as wide as a vector."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bicameral.kernels import native

NARROWEST = 16  # channels: the lanes of the widest vector
Gradients = tuple[
    Float[Tensor, "b t d"],
    Float[Tensor, "b t d"],
    Float[Tensor, "b t d"],
    Float[Tensor, "d"],
    Float[Tensor, "b d"],
]


def serves(*inputs: Tensor) -> bool:
    """Whether the compiled kernel can take such tensors here."""
    return inputs[0].shape[-1] >= NARROWEST and native.serves(*inputs)


def forward(
    x: Float[Tensor, "b t d"],
    gate_a: Float[Tensor, "b t d"],
    gate_x: Float[Tensor, "b t d"],
    log_a: Float[Tensor, "d"],
    h: Float[Tensor, "b d"],
    resets: Bool[Tensor, "b t"] | None,
) -> Float[Tensor, "b t d"]:
    """Return every h_t."""
    rows, frames, width = x.shape
    native.require(x.dtype, gate_a=(gate_a, x.shape), gate_x=(gate_x, x.shape))
    native.require(x.dtype, log_a=(log_a, (width,)), h=(h, (rows, width)))
    if resets is not None:
        native.require(torch.bool, resets=(resets, (rows, frames)))
    read = [native.plain(v) for v in (x, gate_a, gate_x, log_a, h)]
    resets = None if resets is None else native.plain(resets)
    y = native.empty_like(read[0])
    run = native.function("rg_lru_forward", 4, 7)
    run(*x.shape, torch.get_num_threads(), *(v.data_ptr() for v in read), _address(resets), y.data_ptr())
    return y


def backward(
    x: Float[Tensor, "b t d"],
    gate_a: Float[Tensor, "b t d"],
    gate_x: Float[Tensor, "b t d"],
    log_a: Float[Tensor, "d"],
    h: Float[Tensor, "b d"],
    resets: Bool[Tensor, "b t"] | None,
    y: Float[Tensor, "b t d"],
    grad: Float[Tensor, "b t d"],
) -> Gradients:
    """Return the gradients of the five inputs, given the states `y` and the gradient of them."""
    read = [native.plain(v) for v in (x, gate_a, gate_x, log_a, h)]
    resets = None if resets is None else native.plain(resets)
    more = [native.plain(v) for v in (y, grad)]
    dx, dgate_a, dgate_x = (native.empty_like(more[0]) for _ in range(3))
    dlog_a, dh = torch.empty_like(read[4]), torch.empty_like(read[4])
    addresses = (v.data_ptr() for v in (*more, dx, dgate_a, dgate_x, dlog_a, dh))
    run = native.function("rg_lru_backward", 4, 13)
    run(*x.shape, torch.get_num_threads(), *(v.data_ptr() for v in read), _address(resets), *addresses)
    return dx, dgate_a, dgate_x, dlog_a.sum(0), dh


def _address(v: Tensor | None) -> int | None:
    return None if v is None else v.data_ptr()
