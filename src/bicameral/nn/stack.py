"""Composing what runs along time: one after another, around a residual, or frame by frame."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, Resets, valid_frames
from bicameral.nn.recurrent import Recurrent


class Stack(Recurrent[tuple]):
    """Layers one after another, with dropout between them in training; the state is the tuple of theirs."""

    def __init__(self, layers: Iterable[Recurrent], *, dropout: float = 0.0):
        super().__init__()
        self.layers, self.dropout = nn.ModuleList(layers), nn.Dropout(dropout)
        self.width = list(self)[-1].width

    def __iter__(self) -> Iterator[Recurrent]:
        return cast(Iterator[Recurrent], iter(self.layers))

    def initial_state(self, x_t: Float[Tensor, "b *d"]) -> tuple:
        states = []
        for layer in self:
            states.append(layer.initial_state(x_t))
            x_t = layer.output_like(x_t)
        return tuple(states)

    def output_like(self, x_t: Float[Tensor, "b *d"]) -> Float[Tensor, "b *e"]:
        for layer in self:
            x_t = layer.output_like(x_t)
        return x_t

    def step(self, x_t: Float[Tensor, "b *d"], state: tuple) -> tuple[Float[Tensor, "b *e"], tuple]:
        states = []
        for level, (layer, before) in enumerate(zip(self, state, strict=True)):
            x_t, after = layer.step(self._into(level, x_t), before)
            states.append(after)
        return x_t, tuple(states)

    def scan(
        self, x: Float[Tensor, "b t *d"], state: tuple, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t *e"], tuple]:
        states = []
        for level, (layer, before) in enumerate(zip(self, state, strict=True)):
            x, after = layer(self._into(level, x), before, lengths=lengths, resets=resets)
            states.append(after)
        return x, tuple(states)

    def _into(self, level: int, x: Tensor) -> Tensor:
        return self.dropout(x) if level and self.dropout.p else x


def chain(make: Callable[[int], Recurrent], num_inputs: int, depth: int) -> Iterator[Recurrent]:
    """Yield `depth` layers, each made for the width of the one before."""
    for _ in range(depth):
        yield (layer := make(num_inputs))
        num_inputs = layer.width


class Residual(Recurrent[Any]):
    """x + dropout(inner(norm(x))), with the state of the inner layer."""

    def __init__(self, inner: Recurrent, norm: nn.Module, *, dropout: float = 0.0):
        super().__init__()
        self.norm, self.inner, self.dropout = norm, inner, nn.Dropout(dropout)
        self.width = inner.width

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Any:
        return self.inner.initial_state(x_t)

    def step(self, x_t: Float[Tensor, "b d"], state: Any) -> tuple[Float[Tensor, "b d"], Any]:
        y_t, state = self.inner.step(self.norm(x_t), state)
        return x_t + self.dropout(y_t), state

    def scan(
        self, x: Float[Tensor, "b t d"], state: Any, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t d"], Any]:
        y, state = self.inner(self.norm(x), state, lengths=lengths, resets=resets)
        return x + self.dropout(y), state


class Framewise(Recurrent[tuple]):
    """A module without memory, applied to each valid frame; the state is empty."""

    def __init__(self, module: nn.Module, width: int):
        super().__init__()
        self.module, self.width = module, width

    def initial_state(self, x_t: Float[Tensor, "b *d"]) -> tuple:  # noqa: ARG002
        return ()

    def step(self, x_t: Float[Tensor, "b *d"], state: tuple) -> tuple[Float[Tensor, "b e"], tuple]:
        return self.module(x_t), state

    def scan(
        self,
        x: Float[Tensor, "b t *d"],
        state: tuple,
        lengths: Lengths,
        resets: Resets = None,  # noqa: ARG002  there is nothing to forget
    ) -> tuple[Float[Tensor, "b t e"], tuple]:
        if lengths is None:
            return self.module(x.flatten(0, 1)).unflatten(0, x.shape[:2]), state
        valid = valid_frames(lengths, x.shape[1])  # so that batch statistics never see padding
        frames = x[valid]
        if torch.compiler.is_compiling():
            torch._check(frames.shape[0] > 0)  # what is traced cannot ask
        frames = self.module(frames)
        y = torch.zeros(*x.shape[:2], self.width, dtype=frames.dtype, device=x.device)
        return y.index_put((valid,), frames), state
