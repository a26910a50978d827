"""A kernel as one function that PyTorch differentiates and compiles."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bicameral.kernels import native


class Kernel:
    """y = forward(*inputs), of the shape of the input x; the gradients are backward(*saved, y, grad).

    inputs           their types and names, as PyTorch writes a schema; "Tensor?" may be None: no gradient
    saved            names of the inputs that the backward pass reads
    backward         a gradient for every "Tensor", of its shape
    double_backward  the same by operations that can be differentiated again; None: no second derivatives
    """

    def __init__(
        self,
        name: str,
        inputs: str,
        forward: Callable[..., Tensor],
        backward: Callable[..., tuple[Tensor, ...]],
        *,
        saved: tuple[str, ...],
        double_backward: Callable[..., tuple[Tensor, ...]] | None = None,
    ):
        self.forward, self.backward, self.double_backward = forward, backward, double_backward
        types, self.names = zip(*(part.split() for part in inputs.split(", ")), strict=True)
        self.saved = [self.names.index(wanted) for wanted in saved]
        self.differentiable = [place for place, kind in enumerate(types) if kind == "Tensor"]
        self.x = self.names.index("x")
        self.eager = _OnceDifferentiable if double_backward is None else _Eager
        saved_types = ", ".join(f"{types[place]} {self.names[place]}" for place in self.saved)
        self.operator = self._operators(name, inputs, saved_types)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """Return every output; eager calls go the shorter way, as an operator costs several times as much."""
        x = inputs[self.x]
        assert x is not None
        if native.must_be_operator(x):
            return self.operator(*inputs)
        if torch.is_grad_enabled() and any(v is not None and v.requires_grad for v in inputs):
            return self.eager.apply(self, *inputs)  # type: ignore[return-value]
        return self.forward(*inputs)

    def _operators(self, name: str, inputs: str, saved: str) -> Callable[..., Tensor]:
        gradients = ", ".join("Tensor" for _ in self.differentiable)
        forward = torch.library.custom_op(
            f"bicameral::{name}", self.forward, mutates_args=(), schema=f"({inputs}) -> Tensor"
        )
        backward = torch.library.custom_op(
            f"bicameral::{name}_backward",
            self.backward,
            mutates_args=(),
            schema=f"({saved}, Tensor y, Tensor grad) -> ({gradients})",
        )
        forward.register_fake(lambda *inputs: _like(inputs[self.x]))
        backward.register_fake(lambda *given: tuple(map(_like, self._shapes_of_gradients(given))))
        forward.register_autograd(
            lambda ctx, grad: self._for_every_input(backward(*ctx.saved_tensors, grad)),
            setup_context=lambda ctx, inputs, output: ctx.save_for_backward(
                *self._saved_inputs(inputs), output
            ),
        )
        return forward

    def _saved_inputs(self, inputs: tuple) -> list:
        return [inputs[place] for place in self.saved]

    def _shapes_of_gradients(self, given: tuple) -> list[Tensor]:
        """Tensors of the shapes of the differentiable inputs; y has that of x, which need not be saved."""
        return [
            given[self.saved.index(place)] if place in self.saved else given[-1]
            for place in self.differentiable
        ]

    def _for_every_input(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
        """The gradient of each input; None for those that have none."""
        return *gradients, *[None] * (len(self.names) - len(gradients))


class _Eager(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: Kernel, *inputs: Any) -> Tensor:  # type: ignore[override]
        y = kernel.forward(*inputs)
        ctx.kernel = kernel
        ctx.save_for_backward(*kernel._saved_inputs(inputs), y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        kernel = ctx.kernel
        gradients = (
            kernel.double_backward if torch.is_grad_enabled() else kernel.backward
        )  # of gradients, when enabled
        return None, *kernel._for_every_input(gradients(*ctx.saved_tensors, grad))


class _OnceDifferentiable(_Eager):
    backward = staticmethod(once_differentiable(_Eager.backward))  # pyright: ignore[reportAssignmentType]


def _like(v: Tensor) -> Tensor:
    return torch.empty_like(v, memory_format=torch.contiguous_format)
