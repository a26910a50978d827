"""A random call of some kernel for every seed, beside its definition; run as a program, many of them in turn.

The program is for a library built with sanitizers, which test_sanitized.py loads in a process of its own.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import torch

from bicameral.kernels import graph_gru, linear_scan, relu_scan, rg_lru, rms_norm, slstm, sparse_rows
from bicameral.kernels.gated import CELLS, Weights, gated
from bicameral.kernels.gated import reference as gated_reference
from bicameral.kernels.graph_gru import reference as graph_reference
from bicameral.kernels.linear_scan import reference as linear_reference
from bicameral.kernels.relu_scan import reference as relu_reference
from bicameral.kernels.rg_lru import reference as rg_lru_reference
from bicameral.kernels.rms_norm import reference as rms_norm_reference
from bicameral.kernels.slstm import reference as slstm_reference

WIDTHS = (1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 65, 70, 130)
NARROW = {torch.float64: torch.float32, torch.complex128: torch.complex64}
FAR = 2e-4  # of the largest number: a recurrence takes a rounding round and round


@dataclass
class Call:
    """Functions of the same tensors, which stand in double precision."""

    name: str
    kernel: Callable[..., Any]
    definition: Callable[..., Any]
    tensors: list[torch.Tensor]


class Draw(Random):
    """Sizes, and tensors that depend on the seed alone."""

    def width(self) -> int:
        return self.choice(WIDTHS)

    def rows(self) -> int:
        return self.choice((0, 1, 1, 2, 3, 5, 9, 14))

    def frames(self) -> int:
        return self.choice((0, 1, 1, 2, 3, 6, 11))

    def normal(self, *shape: int, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.randrange(2**31))
        return torch.randn(shape, generator=generator, dtype=dtype) * scale

    def lengths(self, rows: int, frames: int) -> torch.Tensor | None:
        if self.random() < 0.4:
            return None
        return torch.tensor([self.randint(0, frames) for _ in range(rows)], dtype=torch.int64)


def draw(seed: int) -> Call:
    """Return the call of a seed."""
    random = Draw(seed)
    return random.choice(CALLS)(random)


def _gated(draw: Draw) -> Call:
    cell = CELLS[draw.choice(list(CELLS))]
    rows, frames, inputs, units = draw.rows(), draw.frames(), draw.width(), max(2, draw.width())
    outputs = draw.width() if cell.projects else units
    gates, lengths = cell.num_input_gates * units, draw.lengths(rows, frames)
    projected, biased, extra = draw.random() < 0.3, draw.random() < 0.7, cell.extra_shape(units, outputs)
    shapes: dict[str, tuple[int, ...]] = {"x": (rows, frames, gates if projected else inputs)}
    shapes["h"] = (rows, outputs)
    shapes |= {"c": (rows, units)} if cell.num_states == 2 else {}
    shapes |= {} if projected else {"w_x": (gates, inputs)}
    shapes["w_h"] = (cell.num_state_gates * units, outputs)
    shapes |= {"b_x": (gates,), "b_h": (cell.num_state_gates * units,)} if biased else {}
    shapes |= {"extra": extra} if extra else {}
    tensors = [
        draw.normal(*shape, scale=0.3 if name in ("x", "h", "c") else 0.3 / shape[-1] ** 0.5)
        for name, shape in shapes.items()
    ]

    def run(scan: Callable[..., Any], *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = dict(zip(shapes, tensors, strict=True))
        state = tuple(given[part] for part in ("h", "c") if part in given)
        y, last = scan(given["x"], state, Weights(*map(given.get, Weights._fields)), lengths)
        return y, *last

    definition = partial(run, partial(gated_reference.scan, cell.step))
    return Call(cell.name, partial(run, partial(gated, cell.name)), definition, tensors)


def _linear_scan(draw: Draw) -> Call:
    dtype = draw.choice(list(NARROW))
    rows, frames, width = draw.rows(), draw.frames(), draw.width()
    a = torch.tanh(draw.normal(rows, frames, width, dtype=dtype).abs()) * 0.99
    x, h = draw.normal(rows, frames, width, dtype=dtype), draw.normal(rows, width, dtype=dtype)
    return Call("linear_scan", linear_scan.linear_scan, linear_reference.linear_scan, [a.to(dtype), x, h])


def _relu_scan(draw: Draw) -> Call:
    rows, frames, width = draw.rows(), draw.frames(), draw.width()
    tensors = [draw.normal(width, scale=0.5), draw.normal(rows, frames, width), draw.normal(rows, width)]
    return Call("relu_scan", relu_scan.relu_scan, relu_reference.relu_scan, tensors)


def _rg_lru(draw: Draw) -> Call:
    rows, frames, width = draw.rows(), draw.frames(), draw.width()
    tensors = [draw.normal(rows, frames, width) for _ in range(3)]
    tensors += [-draw.normal(width).abs() - 0.05, draw.normal(rows, width)]
    resets = None if draw.random() < 0.5 else draw.normal(rows, frames) > 1
    kernel, definition = (partial(f, resets=resets) for f in (rg_lru.rg_lru, rg_lru_reference.rg_lru))
    return Call("rg_lru", kernel, definition, tensors)


def _rms_norm(draw: Draw) -> Call:
    width = draw.width()
    tensors = [draw.normal(draw.rows(), draw.frames(), width), draw.normal(width)]
    return Call("rms_norm", rms_norm.rms_norm, rms_norm_reference.rms_norm, tensors)


def _slstm(draw: Draw) -> Call:
    rows, frames, heads, size = draw.rows(), draw.frames(), draw.choice((1, 2, 3)), draw.width()
    state = (rows, heads, size)
    tensors = [
        draw.normal(rows, frames, 4, heads, size),
        draw.normal(heads, size, 4 * size, scale=0.5 / size**0.5),
    ]
    tensors += [
        draw.normal(*state),
        draw.normal(*state),
        draw.normal(*state).abs() + 0.5,
        draw.normal(*state),
    ]
    return Call("slstm", slstm.slstm, slstm_reference.slstm, tensors)


def _matrix(draw: Draw, rows: int, columns: int) -> torch.Tensor:
    return draw.normal(rows, columns) * (draw.normal(rows, columns) > 0.3)


def _sparse_rows(draw: Draw) -> Call:
    rows, nodes = draw.choice((1, 4, 9)), draw.choice((1, 3, 8))
    matrix = _matrix(draw, rows, nodes)
    there, back = sparse_rows.compress(matrix.float()), sparse_rows.compress(matrix.float().T)
    exact = matrix.float().double()
    kernel = partial(sparse_rows.sparse_rows, there, back)
    return Call("sparse_rows", kernel, lambda x: exact @ x, [draw.normal(draw.rows(), nodes, draw.width())])


def _graph_gru(draw: Draw) -> Call:
    rows, frames, nodes, inputs, width = (
        draw.rows(),
        draw.frames(),
        draw.choice((1, 3, 8)),
        draw.width(),
        draw.width(),
    )
    others = [_matrix(draw, nodes, nodes) / nodes for _ in range(draw.choice((0, 1, 2)))]
    terms = torch.stack([torch.eye(nodes, dtype=torch.float64), *others]).float()
    count, lengths = len(terms), draw.lengths(rows, frames)
    shapes = [(rows, frames, nodes, inputs), (rows, nodes, width), (count * inputs, 3 * width)]
    shapes += [(count * width, 2 * width), (count * width, width), (3 * width,)]
    tensors = [
        draw.normal(*shape, scale=0.3 if place != 2 else 0.3 / inputs**0.5)
        for place, shape in enumerate(shapes)
    ]
    by_node = [v.transpose(0, 1).flatten(0, 1) for v in (terms, terms.mT)]
    adjacency = graph_gru.Adjacency(*map(sparse_rows.compress, by_node))

    def propagate(x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("mij,...jf->...imf", terms[1:].to(x.dtype), x).flatten(-2)

    def run(
        native: bool, x: torch.Tensor, h: torch.Tensor, *weights: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        given = graph_gru.Weights(*weights)
        if native:
            y, last = graph_gru.graph_gru(x, h, given, propagate, adjacency, lengths)
        else:
            y, last = graph_reference.graph_gru(x, h, given, propagate, lengths)
        if lengths is not None:  # the definition leaves it to Recurrent to make padding zero
            y = y * (torch.arange(frames) < lengths[:, None])[..., None, None]
        return y, last

    return Call("graph_gru", partial(run, True), partial(run, False), tensors)


CALLS = [
    *[_gated] * 6,
    _linear_scan,
    _relu_scan,
    _rg_lru,
    _rms_norm,
    *[_slstm] * 2,
    _sparse_rows,
    *[_graph_gru] * 2,
]


def everything(function: Callable[..., Any], tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Outputs, and the gradients of a weighted sum of those that have any."""
    outputs = function(*tensors)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = torch.zeros((), dtype=torch.float64)
    for v in outputs:
        if v.requires_grad:
            wide = torch.view_as_real(v) if v.is_complex() else v
            total = (
                total
                + (
                    wide.double() * torch.linspace(-1, 2, wide.numel(), dtype=torch.float64).view_as(wide)
                ).sum()
            )
    if not total.requires_grad:
        return list(outputs)
    return [*outputs, *torch.autograd.grad(total, tensors, allow_unused=True, materialize_grads=True)]


def narrowed(tensors: list[torch.Tensor], random: Random) -> list[torch.Tensor]:
    """The same in single precision; some lie in memory with gaps, or with time first."""
    made = [v.to(NARROW[v.dtype]) for v in tensors]
    first = made[0]
    if first.dim() >= 3 and random.random() < 0.5:
        made[0] = first.transpose(0, 1).contiguous().transpose(0, 1)
    return [v.detach().requires_grad_() for v in made]


def check(seed: int) -> str:
    """Compare the kernel with its definition; return its name."""
    call = draw(seed)
    ours = everything(call.kernel, narrowed(call.tensors, Random(seed)))
    with torch.no_grad():
        without = call.kernel(*narrowed(call.tensors, Random(seed)))
    theirs = everything(call.definition, [v.detach().requires_grad_() for v in call.tensors])
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert one.shape == other.shape, (seed, call.name, place, one.shape, other.shape)
        far = (one.to(other.dtype) - other).abs().max() if one.numel() else 0
        largest = 1e-2 + (other.abs().max() if one.numel() else 0)
        assert far <= FAR * largest, (seed, call.name, place, float(far), float(largest))
    for one, other in zip(without if isinstance(without, tuple) else (without,), ours, strict=False):
        assert torch.equal(one, other), (seed, call.name, "without gradients")
    return call.name


if __name__ == "__main__":
    from bicameral.kernels import native

    first, last = map(int, sys.argv[1:3])
    if len(sys.argv) > 3:
        from pathlib import Path

        from bicameral.kernels.native import build

        build.LIBRARIES = Path(sys.argv[3])
    assert native.library() is not None, native.path()
    names = [check(seed) for seed in range(first, last)]
    sys.stdout.write(f"{native.path()} {len(names)} {' '.join(sorted(set(names)))}\n")
