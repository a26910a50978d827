"""Every gated cell: how many gates it has, what it carries, and its definition."""

from dataclasses import dataclass, replace

from bicameral.kernels.gated import reference


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell."""

    name: str
    step: reference.Step  # the definition
    num_states: int  # h, or h and c
    num_input_gates: int  # blocks of rows of w_x
    num_state_gates: int  # blocks of rows of w_h

    number: int | None = None  # its place in the native library, if it is there


def _cell(step: reference.Step, num_states: int, num_input_gates: int, num_state_gates: int) -> Cell:
    return Cell(
        name=step.__name__,
        step=step,
        num_states=num_states,
        num_input_gates=num_input_gates,
        num_state_gates=num_state_gates,
    )


_NATIVE = (  # in the order of gated.cpp
    _cell(reference.lstm, 2, 4, 4),
    _cell(reference.gru, 1, 3, 3),
    _cell(reference.tanh_rnn, 1, 1, 1),
    _cell(reference.relu_rnn, 1, 1, 1),
    _cell(reference.peephole_lstm, 2, 4, 4),
    _cell(reference.coupled_lstm, 2, 3, 3),
    _cell(reference.sig_lstm, 2, 4, 3),
    _cell(reference.sig_gru, 1, 3, 2),
    _cell(reference.layer_norm_lstm, 2, 4, 4),
)
_OTHERS = (
    _cell(reference.reset_before_gru, 1, 3, 3),
    _cell(reference.projected_lstm, 2, 4, 4),
)
CELLS = {cell.name: replace(cell, number=number) for number, cell in enumerate(_NATIVE)}
CELLS |= {cell.name: cell for cell in _OTHERS}
