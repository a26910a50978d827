"""Ways to write a linear scan in PyTorch, each (a, x, h) -> every h_t, for `scan.py` to time."""

import torch
from torch import Tensor
from torch._higher_order_ops.associative_scan import associative_scan

from bicameral.kernels.linear_scan import chunked, dispatch, reference

loop = reference.linear_scan


def hillis_steele(a: Tensor, x: Tensor, h: Tensor) -> Tensor:
    """Double the stretch that each frame has summed, log2(frames) times."""
    x = started(a, x, h)
    ahead = 1
    while ahead < x.shape[1]:
        x = torch.cat([x[:, :ahead], x[:, ahead:] + a[:, ahead:] * x[:, :-ahead]], 1)
        a = torch.cat([a[:, :ahead], a[:, ahead:] * a[:, :-ahead]], 1)
        ahead *= 2
    return x


def associative(a: Tensor, x: Tensor, h: Tensor) -> Tensor:
    return associative_scan(combine, (a, started(a, x, h)), 1, combine_mode="generic")[1]


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return left[0] * right[0], left[1] * right[0] + right[1]


def started(a: Tensor, x: Tensor, h: Tensor) -> Tensor:
    """Fold the state before the first frame into the first input."""
    return torch.cat([x[:, :1] + a[:, :1] * h[:, None], x[:, 1:]], 1)


class Chunks(torch.autograd.Function):
    """What serves where nothing was compiled."""

    @staticmethod
    def forward(ctx, a, x, h):
        y = chunked.scan(a, x, h)
        ctx.save_for_backward(a, h, y)
        return y

    @staticmethod
    def backward(ctx, grad):
        return dispatch.backward_by(chunked.scan, *ctx.saved_tensors, grad)
