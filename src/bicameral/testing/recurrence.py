"""Contract 1: the laws of what runs along time."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from bicameral.nn.recurrent import Recurrent, map_state
from bicameral.testing import streams
from bicameral.testing.examples import (
    NUM_ROWS,
    Build,
    Laws,
    assert_same,
    examples,
    filled,
    gradients,
    ready,
    some_lengths,
)


def recurrent_laws(build: Build, shape: Sequence[int]) -> Laws:
    """Yield the laws for a layer reading examples of `shape` (t d) or (t c h w)."""
    for law in (*LAWS, *streams.LAWS):
        yield law.__name__, partial(law, build, shape)


def forward_equals_the_fold_of_step(build: Build, shape: Sequence[int]) -> None:
    """Outputs and final state; and `forward` is nobody's but the base class's."""
    module, x = ready(build), examples(shape)
    assert type(module).forward is Recurrent.forward, "forward belongs to the base class alone"
    assert_same(module(x), _fold(module, x))


def gradients_equal_those_of_the_fold(build: Build, shape: Sequence[int]) -> None:
    """For the input and every parameter."""
    module, x = ready(build), examples(shape)
    assert_same(gradients(module, x, module), gradients(module, x, partial(_fold, module)))


def sequence_may_be_cut_anywhere(build: Build, shape: Sequence[int]) -> None:
    """Into two pieces at every frame, and into pieces shorter than a kernel."""
    module, x = ready(build), examples(shape)
    whole, num_frames = module(x), shape[0]
    for cut in range(1, num_frames):
        assert_same(whole, _in_pieces(module, x, [cut, num_frames - cut]))
    assert_same(whole, _in_pieces(module, x, [2] * (num_frames // 2) + [1] * (num_frames % 2)))


def state_stops_at_lengths(build: Build, shape: Sequence[int]) -> None:
    """The state of each row is that after its last valid frame, with NaN behind, and so is its gradient."""
    module, x = ready(build), examples(shape)
    lengths = some_lengths(shape[0])
    padded = filled(x, lengths, 1, torch.nan)
    _, state = module(padded, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        _, alone = module(x[row : row + 1, :length])
        assert_same(_row(state, row), alone)
    zeroed = padded.nan_to_num(0)
    run = partial(_state_after, module, lengths)
    assert_same(gradients(module, padded, run), gradients(module, zeroed, run))


def output_is_causal(build: Build, shape: Sequence[int]) -> None:
    """No output changes when later frames do."""
    module, x = ready(build), examples(shape)
    y, _ = module(x)
    for t in range(1, shape[0]):
        changed = torch.cat([x[:, :t], x[:, t:] + 1], 1)
        assert_same(y[:, :t], module(changed)[0][:, :t])


def documents_answer_as_they_do_alone(build: Build, shape: Sequence[int]) -> None:
    """Packed into rows with `resets`: outputs, states and gradients; what precedes the first goes on."""
    module, x = ready(build), examples(shape)
    lengths, resets = some_lengths(shape[0]), _some_resets(shape[0])
    with torch.no_grad():
        state = module(x)[1]
    packed = partial(module, state=state, lengths=lengths, resets=resets)
    alone = partial(_documents_alone, module, state, lengths, resets)
    assert_same(packed(x), alone(x))
    assert_same(gradients(module, x, packed), gradients(module, x, alone))


def step_and_state_are_not_written_to(build: Build, shape: Sequence[int]) -> None:
    """A state may be used again, after a step as after a scan."""
    module, x = ready(build), examples(shape)
    _, state = module(x)
    kept = [x[:, 0].clone(), map_state(torch.clone, state)]
    module.step(x[:, 0], state)
    module(x, state)
    assert_same([x[:, 0], state], kept)


LAWS = (
    forward_equals_the_fold_of_step,
    gradients_equal_those_of_the_fold,
    sequence_may_be_cut_anywhere,
    state_stops_at_lengths,
    output_is_causal,
    documents_answer_as_they_do_alone,
    step_and_state_are_not_written_to,
)


def _fold(module: Recurrent, x: Tensor) -> tuple[Tensor, Any]:
    state, outputs = module.initial_state(x[:, 0]), []
    for x_t in x.unbind(1):
        y_t, state = module.step(x_t, state)
        outputs.append(y_t)
    return torch.stack(outputs, 1), state


def _in_pieces(module: Recurrent, x: Tensor, sizes: list[int]) -> tuple[Tensor, Any]:
    outputs, state = [], None
    for piece in x.split(sizes, 1):
        y, state = module(piece, state)
        outputs.append(y)
    return torch.cat(outputs, 1), state


def _state_after(module: Recurrent, lengths: Tensor, x: Tensor) -> Any:
    return module(x, lengths=lengths)[1]


def _row(state: Any, row: int) -> Any:
    return map_state(lambda part: part[row : row + 1], state)


def _some_resets(num_frames: int) -> Tensor:
    """Documents from one to several frames; the first row begins with a new one, the second does not."""
    resets = torch.rand(NUM_ROWS, num_frames, generator=torch.Generator().manual_seed(2)) < 0.3
    resets[0, 0], resets[1, 0], resets[1, num_frames // 2 :] = True, False, False
    resets[1, num_frames // 2] = True
    return resets


def _documents_alone(
    module: Recurrent, state: Any, lengths: Tensor, resets: Tensor, x: Tensor
) -> tuple[Tensor, Any]:
    rows, states = [], []
    for row, length in enumerate(lengths.tolist()):
        outputs, after = [], _row(state, row)
        starts = resets[row, 1:length].nonzero().flatten() + 1
        for begin, end in pairwise([0, *starts.tolist(), length]):
            before = None if resets[row, begin] else after
            y, after = module(x[row : row + 1, begin:end], before)
            outputs.append(y)
        missing = outputs[0].new_zeros(1, x.shape[1] - length, *outputs[0].shape[2:])
        rows.append(torch.cat([*outputs, missing], 1))
        states.append(after)
    return torch.cat(rows), map_state(lambda *parts: torch.cat(parts), *states)
