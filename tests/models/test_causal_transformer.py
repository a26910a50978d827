"""The causal transformer equals torch's with its weights; its cache gives the same answers as the whole."""

import math

import pytest
import torch
from torch import nn

from bicameral.errors import ConfigError
from bicameral.models.causal_transformer import CausalTransformer, CausalTransformerConfig


def build(**fields):
    model = CausalTransformer((12, 3), CausalTransformerConfig(width=16, num_heads=4, dropout=0.0, **fields))
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter) / 10)  # so that no bias is zero
    return model.double()


def torchs_layer(attention, mlp):
    layer = nn.TransformerEncoderLayer(
        16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    inner = attention.inner
    layer.self_attn.in_proj_weight = nn.Parameter(torch.cat([inner.q.weight, inner.kv.weight]))
    layer.self_attn.in_proj_bias = nn.Parameter(torch.cat([inner.q.bias, inner.kv.bias]))
    layer.self_attn.out_proj, layer.norm1, layer.norm2 = inner.out, attention.norm, mlp.norm
    layer.linear1, layer.linear2 = mlp.inner.module[0], mlp.inner.module[3]
    return layer.train()  # torch's fast path for inference is another code path


@pytest.mark.parametrize("window", [256, 4])
@torch.no_grad()
def test_equals_torchs_with_its_weights(window):
    """Torch has no rotary positions, so ours are switched off."""
    model, x = build(window=window), torch.randn(2, 12, 3).double()
    project, *branches, norm = model
    for branch in branches[::2]:
        branch.inner.num_rotated = 0
    ago = torch.arange(12)[:, None] - torch.arange(12)
    hidden, y = (ago < 0) | (ago >= window), project.module(x)
    for attention, mlp in zip(branches[::2], branches[1::2], strict=True):
        y = torchs_layer(attention, mlp)(y, src_mask=hidden)
    torch.testing.assert_close(model(x)[0], norm.module(y))


@torch.no_grad()
def test_order_matters_through_rotation_alone():
    """Without it, a frame sees the set of those before it; with it, their order."""
    model, x = build(depth=1), torch.randn(1, 6, 3).double()
    swapped = x[:, [1, 0, 2, 3, 4, 5]]
    assert (model(x)[0][:, -1] - model(swapped)[0][:, -1]).abs().max() > 1e-6
    list(model)[1].inner.num_rotated = 0
    torch.testing.assert_close(model(x)[0][:, -1], model(swapped)[0][:, -1])


@torch.no_grad()
def test_distances_count_and_not_places():
    """Behind a window's worth of frames, the same frames give the same answer, wherever they stand."""
    model, x = build(depth=1, window=4), torch.randn(1, 4, 3).double()
    outputs = [model(torch.cat([torch.randn(1, n, 3).double(), x], 1))[0][:, -1] for n in (0, 3, 50)]
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[0], outputs[2])


def test_output_projections_start_small():
    model = CausalTransformer((4, 3), CausalTransformerConfig(width=256, depth=8))
    attention, mlp = (layer.inner for layer in list(model)[1:3])
    assert attention.q.weight.std().item() == pytest.approx(1 / 16, rel=0.02)
    assert attention.out.weight.std().item() == pytest.approx(1 / 16 / 4, rel=0.02)
    assert mlp.module[3].weight.std().item() == pytest.approx(1 / math.sqrt(1024) / 4, rel=0.02)


def test_refuses_odd_heads():
    with pytest.raises(ConfigError, match="a multiple of 2 num_heads = 10"):
        CausalTransformerConfig(width=64, num_heads=5)
