"""Contract 2: the laws of what sees a grid."""

from collections.abc import Sequence
from functools import partial

from bicameral.testing.examples import Build, Laws, examples, ready


def grid_laws(build: Build, shape: Sequence[int]) -> Laws:
    """Yield the laws for a network reading examples of `shape` (c t), (c h w) or (c t h w)."""
    for law in (channels_are_those_of_the_maps, one_stride_more_gives_one_cell_more):
        yield law.__name__, partial(law, build, shape)


def channels_are_those_of_the_maps(build: Build, shape: Sequence[int]) -> None:
    """`channels` and `strides` name what comes out of `features`, one entry a map."""
    module = ready(build)
    maps = module.features(examples(shape))
    assert [y.shape[1] for y in maps] == list(module.channels)
    assert len(module.strides) == len(maps)


def one_stride_more_gives_one_cell_more(build: Build, shape: Sequence[int]) -> None:
    """An input larger by the stride gives a map larger by one cell, along every axis."""
    module = ready(build)
    before = module.features(examples(shape))
    for index, stride in enumerate(module.strides):
        strides = (stride,) * (len(shape) - 1) if isinstance(stride, int) else stride
        larger = [shape[0], *(size + step for size, step in zip(shape[1:], strides, strict=True))]
        after = module.features(examples(larger))[index]
        assert list(after.shape[2:]) == [cells + 1 for cells in before[index].shape[2:]], f"map {index}"
