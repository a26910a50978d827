"""Bahdanau's and Luong's networks: what the encoder hands over, and decoding by hand with their own parts."""

import pytest
import torch
from torch import nn

from bicameral.errors import ConfigError
from bicameral.models.bahdanau import Bahdanau, BahdanauConfig
from bicameral.models.luong import Luong, LuongConfig

X = torch.randn(3, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def randomised(model):
    torch.manual_seed(1)
    for parameter in model.double().parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def in_torch(kind, layer):
    theirs = kind(2, layer.width, batch_first=True).double()
    theirs.load_state_dict(layer.rnn.state_dict())
    return theirs


def continued(model, state, horizon):
    """Feed each change back as the next input."""
    change, forecasts = torch.zeros(3, 2, dtype=torch.float64), []
    for _ in range(horizon):
        y_t, state = model.decoder.step(change, state)
        change = y_t @ model.read_out.weight.T + model.read_out.bias
        forecasts.append(X[:, -1] + change)
    return torch.stack(forecasts, 1)


def test_bahdanau_reads_both_ways_and_starts_where_the_backward_encoder_ends():
    model = randomised(Bahdanau((7, 2), BahdanauConfig(horizon=4, width=5)))
    onward, _ = in_torch(nn.GRU, model.encoder.forwards)(X)
    back, last = in_torch(nn.GRU, model.encoder.backwards)(X.flip(1))
    memory = torch.cat([onward, back.flip(1)], -1)
    s = torch.tanh(last[0] @ model.bridge.weight.T + model.bridge.bias)
    expected = continued(model, model.decoder.start(s, memory), 4)
    torch.testing.assert_close(model(X), expected)


@pytest.mark.parametrize("score", ["dot", "general", "concat"])
def test_luong_starts_in_the_last_state_of_the_encoder(score):
    model = randomised(Luong((7, 2), LuongConfig(horizon=4, width=5, score=score)))
    memory, (h, c) = in_torch(nn.LSTM, model.encoder)(X)
    expected = continued(model, model.decoder.start(h[0], c[0], memory), 4)
    torch.testing.assert_close(model(X), expected)


@pytest.mark.parametrize("model", [Bahdanau((7, 2), BahdanauConfig()), Luong((7, 2), LuongConfig())])
def test_every_frame_may_be_attended_to(model):
    x = X.clone().requires_grad_()
    model.double()(x).sum().backward()
    assert (x.grad != 0).all()


def test_an_unknown_score_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'general'"):
        LuongConfig(score="generel")


def test_counts_by_hand():
    def total(module):
        return sum(p.numel() for p in module.parameters())

    width, d = 5, 2
    lstm = 4 * width * (width + 2)
    decoder = lstm + 4 * width * (d + width) + 2 * width * width + width * width
    assert total(Luong((7, d), LuongConfig(width=width))) == lstm + 4 * width * d + decoder + (width + 1) * d
    encoder = 2 * 3 * width * (width + d + 2)
    cell = 3 * width * (d + 2 * width + width + 2)
    score = (2 * width + 1) * width + width * width + width
    rest = (width + 1) * width + (3 * width + 1) * d
    assert total(Bahdanau((7, d), BahdanauConfig(width=width))) == encoder + cell + score + rest
