"""The compiled sLSTM recurrence: float32 on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels import native

MOST_UNITS = 512  # of a head
KEPT = 5  # values a unit keeps for its backward pass
BEYOND = 64  # floats behind the weights that may be read


def serves(x: Tensor, r: Tensor, *states: Tensor) -> bool:
    """Whether the compiled recurrence can take such tensors here."""
    return r.shape[1] <= MOST_UNITS and native.serves(x, r, *states)


def forward(
    x: Float[Tensor, "b t 4 n d"],
    r: Float[Tensor, "n d e"],
    h: Float[Tensor, "b n d"],
    c: Float[Tensor, "b n d"],
    n: Float[Tensor, "b n d"],
    m: Float[Tensor, "b n d"],
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return every h, c, n and m, and what the backward pass needs (empty unless it is to be kept)."""
    rows, frames, _, heads, size = x.shape
    state = (rows, heads, size)
    native.require(x.dtype, x=(x, (rows, frames, 4, heads, size)), r=(r, (heads, size, 4 * size)))
    native.require(x.dtype, h=(h, state), c=(c, state), n=(n, state), m=(m, state))
    read = [native.plain(v) for v in (x, _longer(r), h, c, n, m)]
    written = [x.new_empty(rows, frames, heads, size) for _ in range(4)]
    kept = x.new_empty(rows, frames, KEPT if keep else 0, heads, size)
    run = native.function("slstm_forward", 5, 11)
    addresses = [v.data_ptr() for v in (*read, *written)]
    run(rows, frames, heads, size, torch.get_num_threads(), *addresses, kept.data_ptr() if keep else None)
    return (*written, kept)  # type: ignore[return-value]


def backward(
    r: Float[Tensor, "n d e"],
    h: Float[Tensor, "b n d"],
    c: Float[Tensor, "b n d"],
    n: Float[Tensor, "b n d"],
    after: tuple[Tensor, Tensor, Tensor],
    kept: Float[Tensor, "b t k n d"],
    grads: tuple[Tensor | None, Tensor | None, Tensor | None],
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, r, h, c, n and m, given those of every h, c and n in `after`."""
    hs, cs, ns = after
    rows, frames, heads, size = hs.shape
    dh, dc, dn = (None if grad is None else native.plain(grad) for grad in grads)
    read = [native.plain(v) for v in (_longer(r.transpose(1, 2)), c, n, cs, ns, kept)]
    read += [torch.zeros_like(hs) if dh is None else dh]
    dx = hs.new_empty(rows, frames, 4, heads, size)
    first = [torch.empty_like(v, memory_format=torch.contiguous_format) for v in (h, c, n)]
    run = native.function("slstm_backward", 5, 13)
    addresses = [*(v.data_ptr() for v in read), *(None if v is None else v.data_ptr() for v in (dc, dn))]
    addresses += [v.data_ptr() for v in (dx, *first)]
    run(rows, frames, heads, size, torch.get_num_threads(), *addresses)
    before = torch.cat([h[:, None], hs], 1)[:, :-1].permute(2, 3, 0, 1).flatten(2)
    dr = before @ dx.permute(3, 0, 1, 2, 4).flatten(3).flatten(1, 2)
    dh0, dc0, dn0 = first
    return dx, dr, dh0, dc0, dn0, c * dc0 + n * dn0  # c and n count e^m times


def _longer(r: Tensor) -> Tensor:
    return torch.cat([r.flatten(), r.new_zeros(BEYOND)])
