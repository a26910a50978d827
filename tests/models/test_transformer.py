"""The encoder equals torch's with the same weights; positions are those of the paper."""

import math

import pytest
import torch
from torch import nn

from bicameral.models.transformer import Transformer, TransformerConfig
from bicameral.models.vit import ViT, ViTConfig
from bicameral.nn.attention import sinusoids


def torchs_encoder(model, config):
    layer = nn.TransformerEncoderLayer(
        config.width, config.num_heads, 4 * config.width, 0.0, "gelu", batch_first=True, norm_first=True
    )
    encoder = nn.TransformerEncoder(
        layer, config.depth, nn.LayerNorm(config.width), enable_nested_tensor=False
    )
    for theirs, ours in zip(encoder.layers, model.blocks, strict=True):
        theirs.self_attn.in_proj_weight, theirs.self_attn.in_proj_bias = (
            ours.attention.qkv.weight,
            ours.attention.qkv.bias,
        )
        theirs.self_attn.out_proj, theirs.norm1, theirs.norm2 = ours.attention.out, ours.norm1, ours.norm2
        theirs.linear1, theirs.linear2 = ours.up, ours.down
    encoder.norm = model.norm
    return encoder.train()  # torch's fast path for inference is another code path


@pytest.mark.parametrize("lengths", [None, torch.tensor([6, 3])])
def test_equals_torchs_encoder(lengths):
    config = TransformerConfig(width=16, depth=2, num_heads=4, dropout=0.0)
    model = Transformer((6, 3), config)
    x = torch.randn(2, 6, 3)
    embedded = model.project(x) + sinusoids(torch.arange(6.0), 16)
    padding = None if lengths is None else torch.arange(6) >= lengths[:, None]
    expected = torchs_encoder(model, config)(embedded, src_key_padding_mask=padding)
    valid = torch.ones(2, 6, dtype=torch.bool) if padding is None else ~padding
    torch.testing.assert_close(model(x, lengths)[valid], expected[valid], atol=1e-5, rtol=1e-4)


def test_positions_are_the_papers():
    table = sinusoids(torch.arange(50.0), 8)
    for position in (0, 3, 49):
        for i in range(4):
            angle = position / 10_000 ** (2 * i / 8)
            expected = torch.tensor([math.sin(angle), math.cos(angle)])
            torch.testing.assert_close(table[position, [i, i + 4]], expected, atol=1e-5, rtol=1e-5)


def test_vit_tokens_know_their_place():
    """Equal patches in unequal places give unequal tokens; the map keeps the picture's axes."""
    model = ViT((1, 8, 12), ViTConfig(width=16, depth=1))
    (tokens,) = model.features(torch.ones(1, 1, 8, 12))
    assert tokens.shape == (1, 16, 2, 3)
    assert torch.cdist(tokens[0].flatten(1).T, tokens[0].flatten(1).T).add(torch.eye(6)).min() > 1e-3
