"""The building blocks obey the contracts, alone and composed."""

import pytest
import torch
from torch import nn

from bicameral.nn.bidirectional import Bidirectional
from bicameral.nn.causal_conv import CausalConv1d
from bicameral.nn.gated import GRU, LSTM
from bicameral.nn.stack import Framewise, Residual, Stack
from bicameral.testing import lengths_laws, recurrent_laws

SHAPE = (9, 3)
BLOCKS = {
    "causal_conv": lambda: CausalConv1d(3, 4, 3, dilation=2),
    "one_tap": lambda: CausalConv1d(3, 4, 1),
    "kernel_longer_than_the_sequence": lambda: CausalConv1d(3, 4, 12),
    "deep_lstm": lambda: LSTM(3, 4, depth=2),
    "framewise": lambda: Framewise(nn.Linear(3, 5), 5),
    "residual": lambda: Residual(GRU(3, 3), nn.LayerNorm(3)),
    "stack": lambda: Stack([CausalConv1d(3, 4, 3), Framewise(nn.Tanh(), 4), LSTM(4, 2), GRU(2, 5)]),
}
LAWS = [
    pytest.param(law, id=f"{block}-{name}")
    for block, build in BLOCKS.items()
    for name, law in [*recurrent_laws(build, SHAPE), *lengths_laws(build, SHAPE, 1, 1)]
]


@pytest.mark.parametrize("law", LAWS)
def test_block_obeys(law):
    law()


@pytest.mark.parametrize(
    ("name", "law"), list(lengths_laws(lambda: Bidirectional(GRU(3, 4), GRU(3, 4)), SHAPE, 1, 1))
)
def test_bidirectional_obeys(name, law):
    law()


def test_bidirectional_equals_torch():
    ours, theirs = Bidirectional(GRU(3, 4), GRU(3, 4)), nn.GRU(3, 4, batch_first=True, bidirectional=True)
    for direction, suffix in ((ours.forwards, ""), (ours.backwards, "_reverse")):
        direction.rnn.load_state_dict(
            {name: theirs.state_dict()[name + suffix] for name in direction.rnn.state_dict()}
        )
    x, lengths = torch.randn(2, 6, 3), torch.tensor([6, 4])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    torch.testing.assert_close(ours(x, lengths), expected)


def test_causal_conv_equals_a_padded_convolution():
    layer = CausalConv1d(2, 3, 3, dilation=2)
    x = torch.randn(4, 10, 2)
    padded = nn.functional.pad(x.transpose(1, 2), (4, 0))
    expected = nn.functional.conv1d(padded, layer.conv.weight, layer.conv.bias, dilation=2).transpose(1, 2)
    torch.testing.assert_close(layer(x)[0], expected)


def test_hooks_of_children_are_called():
    stack = Stack([GRU(3, 4), GRU(4, 2)])
    seen = []
    for layer in stack:
        layer.register_forward_hook(lambda module, args, output: seen.append(output[0].shape[-1]))
    stack(torch.randn(2, 5, 3))
    assert seen == [4, 2]


def test_forget_bias_is_one():
    rnn = LSTM(3, 4, depth=2).rnn
    for layer in range(2):
        bias = getattr(rnn, f"bias_ih_l{layer}") + getattr(rnn, f"bias_hh_l{layer}")
        assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


@pytest.mark.parametrize("make", [LSTM, GRU])
def test_recurrent_weights_are_orthogonal(make):
    for gate in make(3, 5).rnn.weight_hh_l0.split(5):
        torch.testing.assert_close(gate @ gate.T, torch.eye(5), atol=1e-5, rtol=0)
