"""SegRNN against torch's GRU run segment by segment and channel by channel."""

import pytest
import torch
from torch import nn

from bicameral.errors import ConfigError
from bicameral.models.segrnn import SegRNN, SegRNNConfig

CHANNELS = 3


def built(frames, **fields):
    torch.manual_seed(0)
    model = SegRNN((frames, CHANNELS), SegRNNConfig(width=6, segment=4, **fields)).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def by_hand(model, x, horizon):
    """One channel after another, and one step of the GRU for each segment ahead, all from the same state."""
    gru = nn.GRU(6, 6, batch_first=True).double()
    gru.load_state_dict(model.gru.rnn.state_dict())
    forecast = torch.empty(len(x), horizon, CHANNELS, dtype=torch.float64)
    for c in range(CHANNELS):
        last = x[:, -1, c]
        series = x[:, :, c] - last[:, None]
        missing = -series.shape[1] % 4
        series = torch.cat([series[:, :1].repeat(1, missing), series], 1)
        segments = torch.relu(series.view(len(x), -1, 4) @ model.embed.weight.T + model.embed.bias)
        _, h = gru(segments)
        ahead = []
        for position in model.positions:
            told = torch.cat([position, model.channels[c]]).expand(len(x), 1, -1)
            y, _ = gru(told, h)
            ahead.append(y[:, 0] @ model.read_out.weight.T + model.read_out.bias)
        forecast[:, :, c] = last[:, None] + torch.cat(ahead, 1)[:, :horizon]
    return forecast


@pytest.mark.parametrize(("frames", "horizon"), [(12, 8), (14, 8), (12, 7), (3, 1)])
def test_equals_its_equations(frames, horizon):
    model = built(frames, horizon=horizon)
    x = torch.randn(2, frames, CHANNELS, dtype=torch.float64)
    torch.testing.assert_close(model(x), by_hand(model, x, horizon))


def test_a_shift_of_the_level_shifts_the_forecast():
    model, x = built(12, horizon=8), torch.randn(2, 12, CHANNELS, dtype=torch.float64)
    torch.testing.assert_close(model(x + 5), model(x) + 5)


def test_dropout_is_for_training():
    model, x = built(12, horizon=8, dropout=0.5), torch.randn(2, 12, CHANNELS, dtype=torch.float64)
    torch.testing.assert_close(model(x), model(x))
    model.train()
    assert (model(x) != model(x)).any()


def test_count_of_the_paper_at_look_back_96():
    """About 1.6 million, and no more for a longer forecast but half a width a segment."""
    config = SegRNNConfig(horizon=96)
    gru, maps = 6 * 512 * (512 + 1), (24 + 1) * 512 + (512 + 1) * 24
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in SegRNN((96, 7), SegRNNConfig(horizon=h)).parameters())
            for h in (config.horizon, 720)
        ]
    assert counts[0] == gru + maps + (4 + 7) * 256
    assert counts[1] - counts[0] == 26 * 256


def test_an_odd_width_has_no_halves():
    with pytest.raises(ConfigError, match="even"):
        SegRNNConfig(width=5)
