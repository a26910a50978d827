"""Running a network over segments that follow each other, its state carried from one to the next."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bicameral.data.batches.prepared import Prepared
from bicameral.data.examples.segments import Continuations, runs
from bicameral.nn.recurrent import map_state

LONGEST = 4  # segments in a row: longer runs are cut, to be gone through side by side, and because a state
# carried much further than in training drifts (Hawk lost 0.06 nats over 16 segments)
NUMBERS = 2**24  # outputs at once, to bound memory


def answer_steps(network: Any, prepared: Prepared, rows: int) -> tuple[Tensor, Tensor]:
    """What the task keeps of every step (n, t, k), and the truth (n, t ...), both on the CPU.

    rows  segments at once, fewer where the outputs are many

    No step lacks context: a run that begins inside a sequence is read from one segment earlier on.
    """
    targets, places = prepared.dataset.targets, prepared.index.numpy()
    assert isinstance(targets, Continuations)
    order = np.argsort(places, kind="stable")
    found = sorted((order[run] for run in runs(targets, places[order], LONGEST)), key=len, reverse=True)
    most = min(rows, max(1, NUMBERS // (network.task.context * network.task.output_shape[0])))
    judged: list[Any] = [None] * len(places)
    inside = targets.continues()
    for begins_inside in (False, True):
        alike = [run for run in found if inside[places[run[0]]] == begins_inside]
        for first in range(0, len(alike), most):
            group = alike[first : first + most]
            state = _state_before(network, prepared, places, group) if begins_inside else None
            _go_through(network, prepared, group, state, judged)
    output, y = ([pair[part] for pair in judged] for part in (0, 1))
    return _padded(output, torch.nan), _padded(y, torch.nan if y[0].is_floating_point() else 0)


def sequences(prepared: Prepared) -> list[Tensor]:
    """The prepared steps of every run of segments, joined: (t,) tokens or (t d) frames."""
    found = runs(prepared.dataset.targets, prepared.index.numpy())
    pieces = [[torch.from_numpy(prepared.example(int(place))) for place in run] for run in found]
    return [torch.cat([first, *(piece[1:] for piece in rest)]) for first, *rest in pieces]


def _go_through(
    network: Any, prepared: Prepared, group: Sequence[np.ndarray], state: Any, judged: list[Any]
) -> None:
    """Take the runs side by side, longest first, one segment of each after another."""
    for number in range(len(group[0])):
        places = [run[number] for run in group if len(run) > number]
        state = None if state is None else map_state(partial(_first, len(places)), state)
        batch = prepared.batch(np.array(places))
        assert batch.y is not None
        output, state = network.scan(*_on(network, batch.x, batch.lengths, state))
        output = output.float() if output.dtype is torch.bfloat16 else output
        kept = network.task.judged(output, batch.y.to(output.device)).cpu()
        for place, values, truth in zip(places, kept, batch.y, strict=True):
            judged[place] = values, truth


def _first(count: int, rows: Tensor) -> Tensor:
    return rows[:count]


def _state_before(network: Any, prepared: Prepared, rows: np.ndarray, group: Sequence[np.ndarray]) -> Any:
    """The state that the segment before each run leaves."""
    before = rows[[run[0] for run in group]] - 1
    batch = Prepared(prepared.dataset, prepared.preprocessing, before).batch(np.arange(len(before)))
    return network.scan(*_on(network, batch.x, batch.lengths, None))[1]


def _on(network: Any, x: Tensor, lengths: Tensor | None, state: Any) -> tuple[Tensor, Any, Tensor | None]:
    weight = next(network.parameters(), None)
    weight = next(network.buffers()) if weight is None else weight
    x = x.to(weight.device, weight.dtype) if x.is_floating_point() else x.to(weight.device)
    return x, state, None if lengths is None else lengths.to(weight.device)


def _padded(rows: Sequence[Tensor], value: float) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)
