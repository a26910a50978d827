"""Griffin: which blocks attend, what they know of positions, how many parameters the paper's sizes have."""

import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.models.griffin import Griffin, GriffinConfig
from bicameral.models.hawk import RecurrentBlock
from bicameral.nn.local_attention import LocalAttention

TABLE = {  # millions: width, recurrent width, depth, heads
    100: (768, 1024, 12, 6),
    400: (1536, 2048, 12, 12),
    1_300: (2048, 2560, 24, 16),
    3_000: (3072, 4096, 24, 24),
    7_000: (4096, 5632, 32, 32),
    14_000: (5120, 8192, 40, 40),
}


def temporal_blocks(model):
    return [layer.inner for layer in list(model)[1:-1:2]]


def test_every_third_block_attends():
    model = Griffin((5, 2), GriffinConfig(depth=7))
    kinds = [RecurrentBlock, RecurrentBlock, LocalAttention]
    assert [type(block) for block in temporal_blocks(model)] == [*kinds, *kinds, RecurrentBlock]


@pytest.mark.parametrize(("rotary", "dimensions"), [("half", 8), ("all", 16)])
def test_attention_is_the_papers(rotary, dimensions):
    model = Griffin((5, 2), GriffinConfig(width=64, num_heads=4, window=9, rotary=rotary))
    attention = temporal_blocks(model)[2]
    assert (attention.num_rotated, attention.num_kv_heads, attention.reach) == (dimensions, 1, 8)


def test_reaches_beyond_its_window():
    """What the window no longer shows, the recurrences still carry."""
    torch.manual_seed(0)
    model = Griffin((40, 2), GriffinConfig(window=4))
    x = torch.randn(1, 40, 2, requires_grad=True)
    model(x)[0][0, -1].sum().backward()
    assert (x.grad[0, 0] != 0).any()


@pytest.mark.parametrize("millions", TABLE)
def test_sizes_of_the_paper(millions):
    """Named by their parameters, tokens not counted; the names are round, within 12 %."""
    width, recurrent_width, depth, num_heads = TABLE[millions]
    config = GriffinConfig(
        width=width, recurrent_width=recurrent_width, depth=depth, num_heads=num_heads, num_blocks=16
    )
    with torch.device("meta"):
        model = Griffin((1, 1), config)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.12)
    attention = next(block for block in temporal_blocks(model) if isinstance(block, LocalAttention))
    assert attention.head_width == 128
    assert sum(p.numel() for p in attention.parameters()) == 2 * width**2 + 2 * 128 * width + width


def test_refuses_heads_that_cannot_be_halved_twice():
    with pytest.raises(ConfigError, match="a multiple of 4 num_heads = 20"):
        GriffinConfig(width=64, num_heads=5)
