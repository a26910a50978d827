"""The laws of padding, for whatever takes `lengths`."""

from collections.abc import Sequence
from functools import partial

import torch

from bicameral.testing.examples import (
    Build,
    Laws,
    assert_same,
    examples,
    filled,
    first,
    gradients,
    ready,
    some_lengths,
)


def lengths_laws(
    build: Build, shape: Sequence[int], axis: int, output_axis: int | None, *, shortens: bool = False
) -> Laws:
    """Yield the laws for lengths along `axis` of the input and `output_axis` of the output, if it has one.

    shortens  fewer entries come out than went in, as many as its `output_lengths` says
    """
    yield "padding_is_inert", partial(padding_is_inert, build, shape, axis)
    yield (
        "row_equals_itself_alone",
        partial(row_equals_itself_alone, build, shape, axis, output_axis, shortens=shortens),
    )
    yield "whole_rows_need_no_lengths", partial(whole_rows_need_no_lengths, build, shape, axis)
    yield "row_without_frames_is_answered", partial(row_without_frames_is_answered, build, shape, axis)
    yield "arguments_are_not_written_to", partial(arguments_are_not_written_to, build, shape, axis)
    if output_axis is not None:
        yield (
            "padding_comes_out_zero",
            partial(padding_comes_out_zero, build, shape, axis, output_axis, shortens=shortens),
        )


def padding_is_inert(build: Build, shape: Sequence[int], axis: int) -> None:
    """NaN behind the lengths changes no output, state or gradient."""
    module, x = ready(build), examples(shape)
    lengths = some_lengths(shape[axis - 1])
    run = partial(module, lengths=lengths)
    zeroes, nan = (filled(x, lengths, axis, value) for value in (0.0, torch.nan))
    assert_same(run(zeroes), run(nan))
    assert_same(gradients(module, zeroes, run), gradients(module, nan, run))


def row_equals_itself_alone(
    build: Build, shape: Sequence[int], axis: int, output_axis: int | None, *, shortens: bool = False
) -> None:
    """Each row of a padded batch answers as it does by itself."""
    module, x = ready(build), examples(shape)
    lengths = some_lengths(shape[axis - 1])
    together = first(module(filled(x, lengths, axis, torch.nan), lengths=lengths))
    valid = (module.output_lengths(lengths) if shortens else lengths).tolist()
    for row, length in enumerate(lengths.tolist()):
        alone = first(module(x[row : row + 1].narrow(axis, 0, length)))
        kept = together[row : row + 1]
        assert_same(kept if output_axis is None else kept.narrow(output_axis, 0, valid[row]), alone)


def padding_comes_out_zero(
    build: Build, shape: Sequence[int], axis: int, output_axis: int, *, shortens: bool = False
) -> None:
    """Nothing but zeroes stands behind the valid outputs."""
    module, x = ready(build), examples(shape)
    lengths = some_lengths(shape[axis - 1])
    y = first(module(x, lengths=lengths))
    valid = module.output_lengths(lengths) if shortens else lengths
    assert_same(y, filled(y, valid, output_axis, 0.0))


def whole_rows_need_no_lengths(build: Build, shape: Sequence[int], axis: int) -> None:
    """Lengths that say what the shape says change nothing, for rows of one frame as for longer ones."""
    module, x = ready(build), examples(shape)
    for num_frames in (1, shape[axis - 1]):
        rows = x.narrow(axis, 0, num_frames)
        assert_same(module(rows, lengths=torch.full((len(x),), num_frames)), module(rows))


def row_without_frames_is_answered(build: Build, shape: Sequence[int], axis: int) -> None:
    """A length of zero gives finite numbers and gradients, and changes nothing for the other rows."""
    module, x = ready(build), examples(shape)
    lengths = torch.tensor([shape[axis - 1], 0, 1])
    run = partial(module, lengths=lengths)
    y, expected = first(run(filled(x, lengths, axis, torch.nan))), first(module(x, lengths=lengths.clamp(1)))
    assert_same(y[::2], expected[::2])
    for part in (y, *gradients(module, x, lambda x: first(run(x)))):
        assert part.isfinite().all(), "a value that is not finite"


def arguments_are_not_written_to(build: Build, shape: Sequence[int], axis: int) -> None:
    """Neither the input nor the lengths, in training or not."""
    module, x = ready(build), examples(shape)
    lengths = some_lengths(shape[axis - 1])
    given = x.clone(), lengths.clone()
    for training in (False, True):
        module.train(training)(given[0], lengths=given[1])
    assert_same(given, (x, lengths))
