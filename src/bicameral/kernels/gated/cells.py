"""Every gated cell: how many gates it has, what it carries, and its definition."""

from dataclasses import dataclass, replace
from typing import Any

from bicameral.kernels.gated import reference


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell."""

    name: str
    step: reference.Step  # the definition
    num_states: int  # h, or h and c
    num_input_gates: int  # blocks of rows of w_x
    num_state_gates: int  # blocks of rows of w_h

    projects: bool = False  # units to outputs, fewer or more, by the extra weights
    num_extra: int = 0  # extra parameters of every unit
    number: int = -1  # its place in the native library

    def extra_shape(self, units: int, outputs: int) -> tuple[int, int] | None:
        """Return the shape of the extra weights; None where the cell has none."""
        if self.projects:
            return outputs, units
        return (self.num_extra, units) if self.num_extra else None


def _cell(
    step: reference.Step, num_states: int, num_input_gates: int, num_state_gates: int, **others: Any
) -> Cell:
    return Cell(
        name=step.__name__,
        step=step,
        num_states=num_states,
        num_input_gates=num_input_gates,
        num_state_gates=num_state_gates,
        **others,
    )


_CELLS = (  # in the order of gated.cpp
    _cell(reference.lstm, 2, 4, 4),
    _cell(reference.gru, 1, 3, 3),
    _cell(reference.tanh_rnn, 1, 1, 1),
    _cell(reference.relu_rnn, 1, 1, 1),
    _cell(reference.peephole_lstm, 2, 4, 4, num_extra=3),
    _cell(reference.coupled_lstm, 2, 3, 3),
    _cell(reference.sig_lstm, 2, 4, 3),
    _cell(reference.sig_gru, 1, 3, 2),
    _cell(reference.layer_norm_lstm, 2, 4, 4, num_extra=6),
    _cell(reference.reset_before_gru, 1, 3, 3),
    _cell(reference.projected_lstm, 2, 4, 4, projects=True),
)
CELLS = {cell.name: replace(cell, number=number) for number, cell in enumerate(_CELLS)}
