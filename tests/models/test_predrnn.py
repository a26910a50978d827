"""PredRNN against a loop that follows the paper's figure arrow by arrow, and its published size."""

import pytest
import torch
from torch.nn.functional import conv2d

from bicameral.errors import ConfigError
from bicameral.models.predrnn import PredRNN, PredRNNConfig
from bicameral.tasks.roll_out import FrameHead


def test_equals_the_papers_equations_in_zig_zag_order():
    depth, width = 3, 2
    model = PredRNN((4, 1, 5, 6), PredRNNConfig(width=width, depth=depth, patch=1, kernel=3)).double()
    _, zigzag = list(model)
    x = torch.randn(2, 4, 1, 5, 6, dtype=torch.float64)
    h, c, m = {}, {}, {}
    zeros = torch.zeros(2, width, 5, 6, dtype=torch.float64)
    for t in range(4):
        for layer in range(depth):
            below = x[:, t] if layer == 0 else h[layer - 1, t]
            h_old, c_old = h.get((layer, t - 1), zeros), c.get((layer, t - 1), zeros)
            m_old = m.get((depth - 1, t - 1), zeros) if layer == 0 else m[layer - 1, t]
            cell, names = zigzag.cells[layer], ("i", "f", "g", "i'", "f'", "g'", "o")
            a = conv2d(below, cell.conv_x.weight, cell.conv_x.bias, padding=1)
            x_ = dict(zip(names, a.split(width, 1), strict=True))
            h_ = dict(zip("ifgo", conv2d(h_old, cell.conv_h.weight, padding=1).split(width, 1), strict=True))
            m_ = dict(zip("ifg", conv2d(m_old, cell.conv_m.weight, padding=1).split(width, 1), strict=True))
            g, i = torch.tanh(x_["g"] + h_["g"]), torch.sigmoid(x_["i"] + h_["i"])
            f = torch.sigmoid(x_["f"] + h_["f"])
            c[layer, t] = f * c_old + i * g
            g, i = torch.tanh(x_["g'"] + m_["g"]), torch.sigmoid(x_["i'"] + m_["i"])
            f = torch.sigmoid(x_["f'"] + m_["f"])
            m[layer, t] = f * m_old + i * g
            w_c, w_m = cell.conv_o.weight.split(width, 1)
            seen = conv2d(c[layer, t], w_c, padding=1) + conv2d(m[layer, t], w_m, padding=1)
            o = torch.sigmoid(x_["o"] + h_["o"] + seen)
            w_c, w_m = cell.merge.weight.split(width, 1)
            h[layer, t] = o * torch.tanh(conv2d(c[layer, t], w_c) + conv2d(m[layer, t], w_m))
    expected = torch.stack([h[depth - 1, t] for t in range(4)], 1)
    torch.testing.assert_close(model(x)[0], expected)


def test_has_the_published_number_of_parameters():
    """23.8 M: 4 layers of 128 maps, kernel 5, patches of 4 pixels, with the convolution to pixels."""
    config = PredRNNConfig(width=128, depth=4, kernel=5, patch=4)
    with torch.device("meta"):
        model = PredRNN((20, 1, 64, 64), config)
        head = FrameHead(model, (1, 64, 64))
    published = 25 * 128 * (7 * 16 + 3 * 7 * 128 + 4 * (4 + 3 + 2) * 128) + 4 * 2 * 128**2 + 128 * 16
    biases = sum(p.numel() for part in (model, head) for p in part.parameters() if p.dim() == 1)
    total = sum(p.numel() for part in (model, head) for p in part.parameters())
    assert total - biases == published
    assert round(published / 1e6, 1) == 23.8


def test_both_memories_start_to_remember():
    _, zigzag = list(PredRNN((4, 2, 8, 8), PredRNNConfig(width=3, depth=2)))
    for conv in (cell.conv_x for cell in zigzag.cells):
        assert conv.bias.split(3)[1].eq(1).all()
        assert conv.bias.split(3)[4].eq(1).all()
        assert conv.bias.sum() == 6


def test_an_even_kernel_is_refused():
    with pytest.raises(ConfigError, match="kernel is 4; expected an odd number"):
        PredRNNConfig(kernel=4)
