"""What the laws are tried on, and how two answers are compared."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Laws = Iterator[tuple[str, Callable[[], None]]]
Build = Callable[[], Any]

SHAPES: dict[str, tuple[int, ...]] = {
    "map": (2, 9, 14),
    "line": (3, 21),
    "volume": (2, 6, 8, 8),
    "sequence": (18, 3),
    "frames": (5, 2, 8, 9),
}
SHORT: dict[str, tuple[int, ...]] = {  # for what costs by the frame
    "map": (2, 9, 14),
    "line": (3, 12),
    "volume": (2, 3, 8, 8),
    "sequence": (3, 3),
    "frames": (2, 2, 8, 9),
}
TIME_AXES = {"map": 3, "line": 2, "volume": 2, "sequence": 1, "frames": 1}
NUM_ROWS = 3


def ready(build: Build, seed: int = 0) -> Any:
    """Return the module in float64, not training, the same for the same seed."""
    torch.manual_seed(seed)
    return build().double().eval()


def examples(shape: Sequence[int]) -> Tensor:
    """Return the same few random rows every time."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(NUM_ROWS, *shape, dtype=torch.float64, generator=generator)


def some_lengths(most: int) -> Tensor:
    """Return a middling, a whole and a shortest length."""
    return torch.tensor([most // 2, most, 1])


def filled(x: Tensor, lengths: Tensor, axis: int, value: float) -> Tensor:
    """Return a copy with `value` behind `lengths`."""
    x = x.clone()
    for row, length in enumerate(lengths.tolist()):
        x[row].narrow(axis - 1, length, x.shape[axis] - length).fill_(value)
    return x


def first(output: Any) -> Tensor:
    """Return the outputs without the state."""
    return output[0] if isinstance(output, tuple) else output


def gradients(module: nn.Module, x: Tensor, run: Callable[[Tensor], Any]) -> list[Tensor]:
    """Return the gradients of a weighted sum of all that `run` returns, for the input and every parameter."""
    x = x.clone().requires_grad_()
    total = weighted_sum(run(x))
    sources = [x, *module.parameters()]
    if not total.requires_grad:
        return [torch.zeros_like(source) for source in sources]
    return list(torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True))


def weighted_sum(tree: Any) -> Tensor:
    """Return the sum of all values that may have a gradient, each with a weight of its own."""
    total = torch.zeros(())
    for y in leaves(tree):
        if y.is_floating_point():
            total = total + (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).sum()
    return total


def leaves(tree: Any) -> list[Tensor]:
    """Return every tensor in nested tuples and lists."""
    return [tree] if isinstance(tree, Tensor) else [leaf for part in tree for leaf in leaves(part)]


def assert_same(actual: Any, expected: Any) -> None:
    """Compare every tensor of two nested structures, to the precision of float64."""
    actual, expected = leaves(actual), leaves(expected)
    assert len(actual) == len(expected), f"{len(actual)} tensors against {len(expected)}"
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def assert_near(actual: Any, expected: Any, tolerance: float) -> None:
    """Compare float32 with float64: every tensor to a share of its largest value."""
    for one, other in zip(leaves(actual), leaves(expected), strict=True):
        assert one.isfinite().all(), "a value that is not finite"
        error = (one - other).abs().max().item() if one.numel() else 0.0
        allowed = tolerance * max(other.abs().max().item() if other.numel() else 0.0, 1e-2)
        assert error <= allowed, f"off by {error:.2g} of {other.abs().max():.2g} in {tuple(one.shape)}"
