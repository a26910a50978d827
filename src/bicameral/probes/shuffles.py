"""Changes that destroy exactly one structure and keep everything else."""

from collections.abc import Callable

import torch
from torch import Tensor

from bicameral.data.dataset import Kind

Change = Callable[[Tensor, Tensor | None, torch.Generator], Tensor]


def neighbourhood(kind: Kind) -> Change:
    """One fixed permutation of what lies side by side: pixels, mel bands and steps, words, steps.

    Padding is permuted with the rest, so that an MLP cannot notice.
    """
    return {"image": _pixels, "clip": _pixels, "sound": _bands_and_steps}.get(kind, _places)


def fixed_steps(x: Tensor, lengths: Tensor | None, generator: torch.Generator) -> Tensor:
    """The same permutation of steps for all examples; for shorter ones, its order of their steps."""
    keys = torch.rand(x.shape[1], generator=generator).expand(len(x), -1)
    return _sorted_by(keys, x, lengths)


def fresh_steps(x: Tensor, lengths: Tensor | None, generator: torch.Generator) -> Tensor:
    """A permutation of its own for every example."""
    return _sorted_by(torch.rand(x.shape[:2], generator=generator), x, lengths)


def _sorted_by(keys: Tensor, x: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is not None:
        padding = torch.arange(x.shape[1]) >= lengths[:, None]
        keys = torch.where(padding, 2 + torch.arange(x.shape[1]), keys)
    order = keys.argsort(1)
    return x[torch.arange(len(x))[:, None], order]


def _pixels(x: Tensor, _lengths: Tensor | None, generator: torch.Generator) -> Tensor:
    flat = x.flatten(-2)
    return flat[..., torch.randperm(flat.shape[-1], generator=generator)].reshape(x.shape)


def _places(x: Tensor, _lengths: Tensor | None, generator: torch.Generator) -> Tensor:
    return x[:, torch.randperm(x.shape[1], generator=generator)]


def _bands_and_steps(x: Tensor, lengths: Tensor | None, generator: torch.Generator) -> Tensor:
    return _places(x[..., torch.randperm(x.shape[-1], generator=generator)], lengths, generator)


def shifted(x: Tensor, kind: Kind, amounts: tuple[int, int]) -> Tensor:
    """Move by (rows, columns), or (steps, bands), repeating the edge; only pictures move both ways."""
    axes = (-2, -1) if kind in ("image", "clip") else (1,)
    for axis, amount in zip(axes, amounts, strict=False):
        at = (torch.arange(x.shape[axis]) - amount).clamp(0, x.shape[axis] - 1)
        x = x.index_select(axis, at)
    return x
