"""Contract 1, continued: states on any device, nothing to read, rows longer than every chunk."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bicameral.nn.recurrent import Recurrent, map_state
from bicameral.testing.examples import (
    Build,
    assert_near,
    assert_same,
    examples,
    filled,
    gradients,
    leaves,
    ready,
)

LONG = 1100  # frames: beyond every chunk (64, 32, 128 and 1024 here), and a multiple of none
LONG_CLIP = 140  # of pictures
PIECE = 31  # frames, less than every chunk
CHAOS = 1e-6  # of the largest value: how far rounding may have carried a recurrence after so many frames


def state_follows_its_input(build: Build, shape: Sequence[int]) -> None:
    """Numbers of its precision, kept from frame to frame, on its device."""
    module, x_t = ready(build), examples(shape)[:, 0]
    before = module.initial_state(x_t)
    _, after = module.step(x_t, before)
    for part, later in zip(leaves(before), leaves(after), strict=True):
        assert not part.is_floating_point() or part.dtype == x_t.dtype, f"a state in {part.dtype}"
        assert later.dtype == part.dtype, f"a state in {part.dtype} that becomes {later.dtype}"
    elsewhere = module.to("meta").initial_state(x_t.to("meta"))
    assert all(part.device.type == "meta" for part in leaves(elsewhere)), "a state on another device"


def row_without_frames_keeps_its_state(build: Build, shape: Sequence[int]) -> None:
    """A length of zero: zeroes come out, the state stays, and the other rows go on."""
    module, x = ready(build), examples(shape)
    _, state = module(x)
    lengths = torch.tensor([shape[0], 0, shape[0]])
    y, after = module(filled(x, lengths, 1, torch.nan), state, lengths=lengths)
    expected, end = module(x, state)
    expected = filled(expected, lengths, 1, 0.0)
    assert_same([y, *_rows(after, 1)], [expected, *_rows(state, 1)])
    assert_same([*_rows(after, 0), *_rows(after, 2)], [*_rows(end, 0), *_rows(end, 2)])
    found = gradients(module, x, partial(_output, module, lengths=lengths))
    assert all(gradient.isfinite().all() for gradient in found)


def no_frames_keep_the_state(build: Build, shape: Sequence[int]) -> None:
    """No output comes out, and the state given, or the first, goes on."""
    module, x = ready(build), examples(shape)
    y, state = module(x)
    nothing, after = module(x[:, :0], state)
    assert nothing.shape == (len(x), 0, *y.shape[2:])
    assert_same(after, state)
    assert_same(module(x[:, :0])[1], module.initial_state(torch.zeros_like(x[:, 0])))


def gradients_pass_through_the_state(build: Build, shape: Sequence[int]) -> None:
    """Those of a later piece's outputs are the same as in one."""
    module, x = ready(build), examples(shape)
    assert_same(gradients(module, x, partial(_output, module)), gradients(module, x, _pieces_of(module, 2)))


def long_rows_equal_their_pieces(build: Build, shape: Sequence[int]) -> None:
    """Outputs, last states and gradients, with lengths, of rows longer than every chunk."""
    num_frames = LONG if len(shape) == 2 else LONG_CLIP
    module, x = ready(build), examples((num_frames, *shape[1:]))[:2]
    lengths = torch.tensor([num_frames - PIECE, num_frames])
    whole, pieces = partial(_output, module), _pieces_of(module, PIECE)
    with torch.no_grad():
        y, state = module(x, lengths=lengths)
        alone = module(x[:1, : lengths[0]])
        assert_near([y[:1, : lengths[0]], *_rows(state, 0)], alone, CHAOS)
        assert_near([whole(x), y[1:]], [pieces(x), pieces(x[1:])], CHAOS)
    if num_frames == LONG:
        x = x[:1]
        assert_near(gradients(module, x, whole), gradients(module, x, pieces), CHAOS)


LAWS = (
    state_follows_its_input,
    row_without_frames_keeps_its_state,
    no_frames_keep_the_state,
    gradients_pass_through_the_state,
    long_rows_equal_their_pieces,
)


def _output(module: Recurrent, x: Tensor, **options: Any) -> Tensor:
    return module(x, **options)[0]


def _pieces_of(module: Recurrent, size: int) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        outputs, state = [], None
        for piece in x.split(size, 1):
            y, state = module(piece, state)
            outputs.append(y)
        return torch.cat(outputs, 1)

    return run


def _rows(state: Any, row: int) -> list[Tensor]:
    return leaves(map_state(lambda part: part[row : row + 1], state))
