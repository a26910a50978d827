"""Layers on the gated kernels, as modules: what torch.nn promises of them."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from bicameral.kernels import native
from bicameral.nn.gated import GRU, LSTM, RNN

COMPILE = """
import torch
from bicameral.nn import gated

def gradients(run, layer, x):
    y, state = run(x)
    total = y.square().sum() + sum(part.sum() for part in (state if isinstance(state, tuple) else (state,)))
    return y, *torch.autograd.grad(total, [x, *layer.parameters()])

for make in (gated.LSTM, gated.GRU, gated.RNN, gated.PeepholeLSTM, gated.CoupledLSTM, gated.LayerNormLSTM):
    torch.compiler.reset()
    layer, x = make(3, 5), torch.randn(2, 4, 3, requires_grad=True)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(gradients(compiled, layer, x), gradients(layer, layer, x))
    layer.eval()
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), layer(x))
"""


@pytest.mark.skipif(native.library() is None, reason="no native library")
def test_layers_compile_whole():
    # In a process of its own: where shapes are checked, nothing can be compiled.
    subprocess.run([sys.executable, "-c", COMPILE], check=True)


@pytest.mark.parametrize(("ours", "theirs"), [(LSTM, nn.LSTM), (GRU, nn.GRU), (RNN, nn.RNN)])
def test_a_seed_leaves_the_generator_where_torchs_layer_does(ours, theirs):
    torch.manual_seed(0)
    layer = ours(3, 4, depth=2)
    after = torch.rand(3)
    torch.manual_seed(0)
    same = theirs(3, 4, 2)
    for name, parameter in same.named_parameters():
        if "weight" in name:
            for gate in parameter.data.split(4):
                (nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_)(gate)
    torch.testing.assert_close(torch.rand(3), after, rtol=0, atol=0)
    for name, parameter in layer.rnn.named_parameters():
        assert "bias" in name or torch.equal(parameter, same.get_parameter(name))
