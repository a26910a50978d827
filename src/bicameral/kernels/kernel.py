"""A kernel as one function that PyTorch differentiates and compiles."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bicameral.kernels import native


class Kernel:
    """y = forward(*inputs), of the shape of the input x; the gradients are backward(*kept, y, grad).

    inputs    their types and names, as PyTorch writes a schema; a "Tensor?" may be None and has no gradient
    kept      names of the inputs that the backward pass reads
    backward  a gradient for every "Tensor", of its shape
    twice     the same by operations that can be differentiated again; None: there are no second derivatives
    """

    def __init__(
        self,
        name: str,
        inputs: str,
        forward: Callable[..., Tensor],
        backward: Callable[..., tuple[Tensor, ...]],
        *,
        kept: tuple[str, ...],
        twice: Callable[..., tuple[Tensor, ...]] | None = None,
    ):
        self.forward, self.backward, self.twice = forward, backward, twice
        types, self.names = zip(*(part.split() for part in inputs.split(", ")), strict=True)
        self.kept = [self.names.index(wanted) for wanted in kept]
        self.learned = [place for place, kind in enumerate(types) if kind == "Tensor"]
        self.x = self.names.index("x")
        self.eager = _Once if twice is None else _Eager
        read = ", ".join(f"{types[place]} {self.names[place]}" for place in self.kept)
        self.operator = self._operators(name, inputs, read)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """Return every output; eager calls go the shorter way, as an operator costs several times as much."""
        x = inputs[self.x]
        assert x is not None
        if native.must_be_operator(x):
            return self.operator(*inputs)
        if torch.is_grad_enabled() and any(v is not None and v.requires_grad for v in inputs):
            return self.eager.apply(self, *inputs)  # type: ignore[return-value]
        return self.forward(*inputs)

    def _operators(self, name: str, inputs: str, read: str) -> Callable[..., Tensor]:
        gradients = ", ".join("Tensor" for _ in self.learned)
        forward = torch.library.custom_op(
            f"bicameral::{name}", self.forward, mutates_args=(), schema=f"({inputs}) -> Tensor"
        )
        backward = torch.library.custom_op(
            f"bicameral::{name}_backward",
            self.backward,
            mutates_args=(),
            schema=f"({read}, Tensor y, Tensor grad) -> ({gradients})",
        )
        forward.register_fake(lambda *inputs: _like(inputs[self.x]))
        backward.register_fake(lambda *given: tuple(map(_like, self._shaped_as(given))))
        forward.register_autograd(
            lambda ctx, grad: self._every(backward(*ctx.saved_tensors, grad)),
            setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*self._read(inputs), output),
        )
        return forward

    def _read(self, inputs: tuple) -> list:
        return [inputs[place] for place in self.kept]

    def _shaped_as(self, given: tuple) -> list[Tensor]:
        """Tensors of the shapes of the learned inputs; x itself need not be kept, and y is of its shape."""
        return [given[self.kept.index(place)] if place in self.kept else given[-1] for place in self.learned]

    def _every(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
        """The gradient of each input; None for those that have none."""
        return *gradients, *[None] * (len(self.names) - len(gradients))


class _Eager(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: Kernel, *inputs: Any) -> Tensor:  # type: ignore[override]
        y = kernel.forward(*inputs)
        ctx.kernel = kernel
        ctx.save_for_backward(*kernel._read(inputs), y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        kernel = ctx.kernel
        gradients = kernel.twice if torch.is_grad_enabled() else kernel.backward  # of gradients, when enabled
        return None, *kernel._every(gradients(*ctx.saved_tensors, grad))


class _Once(_Eager):
    backward = staticmethod(once_differentiable(_Eager.backward))  # pyright: ignore[reportAssignmentType]


def _like(v: Tensor) -> Tensor:
    return torch.empty_like(v, memory_format=torch.contiguous_format)
