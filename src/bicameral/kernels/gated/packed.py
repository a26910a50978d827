"""Packed weights kept from call to call, where somebody promises that nobody writes to them."""

from contextvars import ContextVar
from typing import Any

from torch import Tensor, nn

from bicameral.kernels.gated import cpu
from bicameral.kernels.gated.cells import Cell
from bicameral.kernels.gated.reference import Weights

_open: ContextVar[tuple["Packed", ...]] = ContextVar("packed", default=())


class Packed:
    """Within `with Packed(module):` gated weights of the module are packed once, for any number of calls.

    The caller promises that nobody writes to its parameters: PyTorch cannot tell, because writes through
    `.data` or NumPy leave no trace. May be entered again and keeps what it packed; so the promise holds for
    as long as the object lives. Calls that compute gradients always pack anew.
    """

    def __init__(self, module: nn.Module):
        self._owned = {id(weight): weight for weight in module.parameters()}
        self._packed: dict[tuple, Tensor] = {}

    def __enter__(self) -> "Packed":
        _open.set((*_open.get(), self))
        return self

    def __exit__(self, *_: Any) -> None:
        _open.set(_open.get()[:-1])

    def _owns(self, weights: tuple[Tensor | None, ...]) -> bool:
        return all(weight is None or id(weight) in self._owned for weight in weights)

    def _get(self, cell: Cell, call: cpu.Call, weights: tuple[Tensor | None, ...], like: Tensor) -> Tensor:
        sizes = (call.inputs, call.units, call.outputs)  # a broken promise must not become a wrong address
        key = (cell.number, *sizes, *map(id, weights))
        if key not in self._packed:
            self._packed[key] = cpu.pack(cell, call, like)
        return self._packed[key]


def packed_weights(cell: Cell, call: cpu.Call, weights: Weights) -> Tensor:
    """Return packed weights: of the innermost `Packed` that owns all of them, else packed for this call."""
    given = weights if cell.projects else weights[:-1]  # other extra ones are read as they are
    for packed in reversed(_open.get()):
        if packed._owns(given):
            return packed._get(cell, call, given, weights.w_h)
    return cpu.pack(cell, call, weights.w_h)
