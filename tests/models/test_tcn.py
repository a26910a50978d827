"""TCN starts from the weights with which the released code runs."""

import pytest

from bicameral.models.tcn import TCN, TCNConfig


def test_starts_as_the_released_code_runs():
    """Convolutions at torch's default, U(±1 / √fan_in); the shortcut, without weight norm, at N(0, 0.01)."""
    model = TCN((9, 200), TCNConfig(width=96, depth=1, kernel=7))
    (block,) = model
    for layer in (block.first, block.second):
        bound = (layer.num_inputs * 7) ** -0.5
        assert layer.conv.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert layer.conv.weight.abs().max() <= bound * (1 + 1e-5)
    assert block.shortcut.weight.std().item() == pytest.approx(0.01, rel=0.03)
