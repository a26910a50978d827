"""What is carried from frame to frame: one tree of tensors, the streams along the first axis of each."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from bicameral.nn.recurrent import map_state


class Memory(NamedTuple):
    """The state of the backbone, and what the answer still has to know of the past; else no columns."""

    state: Any
    frames: Float[Tensor, "b 1"]  # how many so far, in float64
    y: Float[Tensor, "b *d"]  # the last step
    total: Float[Tensor, "b d"]  # of all steps, in float64, so that years of them still add up
    x: Num[Tensor, "b e"]  # the target channels of the last frame, which a forecast starts from


def pick(memory: Memory, rows: Int[Tensor, " k"]) -> Memory:
    """The memory of some of the streams."""
    return map_state(lambda part: part.index_select(0, rows), memory)


def put(memory: Memory, rows: Int[Tensor, " k"], part: Memory) -> Memory:
    """The memory with that of some streams replaced."""
    return map_state(lambda old, new: old.index_copy(0, rows, new), memory, part)


def named(memory: Any, name: str = "memory") -> Iterator[tuple[str, Tensor]]:
    """Every tensor by the path to it, such as memory.state.0.h."""
    if isinstance(memory, Tensor):
        yield name, memory
        return
    fields = getattr(memory, "_fields", range(len(memory)))
    for field, part in zip(fields, memory, strict=True):
        yield from named(part, f"{name}.{field}")


def to_tensors(memory: Memory) -> dict[str, Tensor]:
    """Copies by name, such as safetensors can write: complex numbers as pairs."""
    plain = {name: torch.view_as_real(part) if part.is_complex() else part for name, part in named(memory)}
    return {name: part.cpu().clone().contiguous() for name, part in plain.items()}


def from_tensors(like: Memory, tensors: Mapping[str, Tensor]) -> Memory:
    """A memory of the structure of `like` out of named tensors; a missing one is a KeyError."""
    parts = iter([tensors[name] for name, _ in named(like)])

    def take(old: Tensor) -> Tensor:
        new = next(parts).to(old.device, copy=True)
        return torch.view_as_complex(new) if old.is_complex() else new

    return map_state(take, like)
