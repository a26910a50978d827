"""h_t = a_t h_{t-1} + x_t over whole sequences, with gradients that are scans themselves."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels.linear_scan import chunked, reference

_SCHEMA = "(Tensor a, Tensor x, Tensor h) -> Tensor"


def linear_scan(
    a: Float[Tensor, "b t d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t, from the state `h` before the first frame; |a| <= 1."""
    if torch.compiler.is_exporting():  # other engines know multiply and add, not our operator
        return reference.linear_scan(a, x, h)
    return _operator(a, x, h)


@torch.library.custom_op("bicameral::linear_scan", mutates_args=(), schema=_SCHEMA)
def _operator(a, x, h):
    return chunked.scan(a, x, h)


@_operator.register_fake
def _(a, x, h):  # noqa: ARG001
    return torch.empty_like(x)


def _save(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    a, _, h = inputs
    ctx.save_for_backward(a, h, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dx_t = grad_t + a_{t+1} dx_{t+1}: the same scan, backwards in time."""
    a, h, states = ctx.saved_tensors
    later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1)
    dx = _operator(later.flip(1), grad.flip(1), torch.zeros_like(h)).flip(1)
    before = torch.cat([h[:, None], states[:, :-1]], 1)
    return dx * before, dx, dx[:, 0] * a[:, 0]


_operator.register_autograd(_backward, setup_context=_save)
