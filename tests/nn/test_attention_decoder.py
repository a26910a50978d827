"""Attention decoders against loops over rows, steps and memory in numpy; and the laws, with a memory."""

import numpy as np
import pytest
import torch

from bicameral.nn.attention_decoder import SCORES, BahdanauDecoder, LuongDecoder, attend, remember
from bicameral.testing import recurrent_laws

RNG = np.random.default_rng(5)
ROWS, FRAMES, STEPS = 3, 6, 5
INPUTS, MEMORY, WIDTH = 2, 4, 4
X = RNG.normal(size=(ROWS, STEPS, INPUTS))
VALUES = RNG.normal(size=(ROWS, FRAMES, MEMORY))
LENGTHS = torch.tensor([6, 1, 4])


def randomised(module):
    torch.manual_seed(2)
    for parameter in module.double().parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return module


def numbers(module):
    return {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def weighted(scores, values):
    weights = np.exp(scores - scores.max())
    return (weights / weights.sum()) @ values


def additive(w, s, values):
    keys = values @ w["score.keys.weight"].T + w["score.keys.bias"]
    return np.array([w["score.score.weight"][0] @ np.tanh(w["score.query.weight"] @ s + k) for k in keys])


SCORED = {
    "dot": lambda w, s, values: values @ s,
    "general": lambda w, s, values: np.array([s @ w["score.keys.weight"] @ h for h in values]),
    "concat": additive,
}


def gru(w, x, h):
    r, z, n = np.split(w["cell.weight_ih"] @ x + w["cell.bias_ih"], 3)
    hr, hz, hn = np.split(w["cell.weight_hh"] @ h + w["cell.bias_hh"], 3)
    z = sigmoid(z + hz)
    return (1 - z) * np.tanh(n + sigmoid(r + hr) * hn) + z * h


def lstm(w, x, h, c):
    gates = w["cell.weight_ih"] @ x + w["cell.bias_ih"] + w["cell.weight_hh"] @ h + w["cell.bias_hh"]
    i, f, g, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def memories():
    return zip(X, (values[:length] for values, length in zip(VALUES, LENGTHS, strict=True)), strict=True)


def test_bahdanau_equals_a_loop():
    decoder = randomised(BahdanauDecoder(INPUTS, MEMORY, WIDTH))
    w, start, expected = numbers(decoder), RNG.normal(size=(ROWS, WIDTH)), []
    for (x, values), s in zip(memories(), start, strict=True):
        for x_t in x:
            context = weighted(additive(w, s, values), values)
            s = gru(w, np.concatenate([x_t, context]), s)
            expected.append(np.concatenate([s, context]))
    state = decoder.start(torch.tensor(start), torch.tensor(VALUES), LENGTHS)
    y, _ = decoder(torch.tensor(X), state)
    np.testing.assert_allclose(y.detach().numpy().reshape(ROWS * STEPS, -1), expected, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_luong_equals_a_loop(score):
    decoder = randomised(LuongDecoder(INPUTS, MEMORY, WIDTH, score=score))
    w, start, expected = numbers(decoder), RNG.normal(size=(2, ROWS, WIDTH)), []
    for (x, values), s, c in zip(memories(), *start, strict=True):
        answer = np.zeros(WIDTH)
        for x_t in x:
            s, c = lstm(w, np.concatenate([x_t, answer]), s, c)
            context = weighted(SCORED[score](w, s, values), values)
            answer = np.tanh(w["combine.weight"] @ np.concatenate([context, s]))
            expected.append(answer)
    s, c = map(torch.tensor, start)
    y, _ = decoder(torch.tensor(X), decoder.start(s, c, torch.tensor(VALUES), LENGTHS))
    np.testing.assert_allclose(y.detach().numpy().reshape(ROWS * STEPS, -1), expected, atol=1e-12)


DECODERS = {
    "bahdanau": lambda: BahdanauDecoder(INPUTS, MEMORY, WIDTH),
    **{score: lambda score=score: LuongDecoder(INPUTS, MEMORY, WIDTH, score=score) for score in SCORES},
}


@pytest.mark.parametrize("make", DECODERS.values(), ids=DECODERS)
def test_weights_are_a_distribution_over_what_is_valid(make):
    score = randomised(make()).score
    memory = remember(score, torch.tensor(VALUES), LENGTHS)
    _, weights = attend(score, torch.tensor(RNG.normal(size=(ROWS, WIDTH))), memory)
    torch.testing.assert_close(weights.sum(1), torch.ones(ROWS, dtype=torch.float64))
    valid = torch.arange(FRAMES) < LENGTHS[:, None]
    assert (weights[valid] > 0).all()
    assert (weights[~valid] == 0).all()


@pytest.mark.parametrize("make", DECODERS.values(), ids=DECODERS)
def test_what_stands_behind_the_lengths_is_never_seen(make):
    decoder, values = randomised(make()), torch.tensor(VALUES)
    state = decoder.initial_state(torch.tensor(X[:, 0]))
    valid = (torch.arange(FRAMES) < LENGTHS[:, None])[..., None]
    answers = []
    for filled in (0.0, torch.nan):
        padded = torch.where(valid, values, filled).requires_grad_()
        memory = remember(decoder.score, padded, LENGTHS)
        y, _ = decoder(torch.tensor(X), state._replace(memory=memory))
        gradient = torch.autograd.grad(y.sum(), padded)[0]
        assert (gradient.masked_select(~valid) == 0).all()
        answers.append((y, gradient))
    torch.testing.assert_close(*answers)


def with_memory(decoder):
    """The same decoder, with a memory made of the first frame, shorter where that is negative."""

    class Remembering(type(decoder)):
        def initial_state(self, x_t):
            frames = torch.arange(1, 4, device=x_t.device).view(1, 3, 1) * x_t.repeat(1, 2)[:, None]
            lengths = torch.where(x_t[:, 0] < 0, 2, 3)
            return super().initial_state(x_t)._replace(memory=remember(self.score, frames.sin(), lengths))

    decoder.__class__ = Remembering
    return decoder


LAWS = [
    (f"{decoder}-{name}", law)
    for decoder, make in DECODERS.items()
    for name, law in recurrent_laws(lambda make=make: with_memory(make()), (STEPS, INPUTS))
]


@pytest.mark.parametrize("law", [law for _, law in LAWS], ids=[name for name, _ in LAWS])
def test_decoders_obey(law):
    law()


@pytest.mark.parametrize("make", DECODERS.values(), ids=DECODERS)
def test_without_a_memory_there_is_one_zero_to_look_at(make):
    state = make().initial_state(torch.zeros(2, INPUTS))
    assert state.memory.values.shape == (2, 1, MEMORY)
    assert state.memory.lengths.tolist() == [1, 1]
    assert not state.memory.values.any()
