"""The initial weights of the depthwise convolution, as each model's code has them."""

import pytest
import torch

from bicameral.models.hawk import HawkConfig, RecurrentBlock
from bicameral.models.ssd import SSDBlock, SSDConfig
from bicameral.models.xlstm import MLSTMBlock, SLSTMBlock, XLSTMConfig

WIDTH = 2000


def hawk():
    return RecurrentBlock(HawkConfig(width=8, recurrent_width=WIDTH, num_blocks=500)).conv


def others():
    config = XLSTMConfig(width=WIDTH, num_heads=500)
    yield SSDBlock(SSDConfig(width=WIDTH, head_width=1000)).conv
    yield SLSTMBlock(config, depth=0).conv
    yield MLSTMBlock(XLSTMConfig(width=WIDTH // 2, num_heads=250)).conv


def test_hawk_starts_it_small():
    """recurrentgemma: N(0, 0.01 / taps), biases of zero."""
    conv = hawk()
    assert conv.weight.std().item() == pytest.approx(0.05, rel=0.03)
    assert not conv.bias.any()


@torch.no_grad()
def test_mamba_and_xlstm_start_it_as_torch_does():
    """nn.Conv1d: weights and biases from U(±1 / √taps)."""
    for conv in others():
        for parameter in (conv.weight, conv.bias):
            assert parameter.std().item() == pytest.approx(0.5 / 3**0.5, rel=0.05)
            assert parameter.abs().max() <= 0.5
