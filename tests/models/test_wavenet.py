"""WaveNet against its equations, tap by tap, and how far back it sees."""

import pytest
import torch

from bicameral.models.wavenet import WaveNet, WaveNetConfig


def naive(conv, x, dilation):
    """Sum over taps of W_k x_{t - dilation (last - k)}, with zeroes before the start."""
    weight, last = conv.conv.weight, conv.conv.kernel_size[0] - 1
    y = conv.conv.bias.repeat(*x.shape[:2], 1)
    for t in range(x.shape[1]):
        for tap in range(last + 1):
            before = t - dilation * (last - tap)
            if before >= 0:
                y[:, t] = y[:, t] + x[:, before] @ weight[:, :, tap].T
    return y


@pytest.mark.parametrize("kernel", [2, 3])
def test_equals_its_equations(kernel):
    config = WaveNetConfig(width=4, skip=5, depth=3, cycles=2, kernel=kernel)
    model = WaveNet((12, 3), config).double()
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    inside, total = naive(model.first, x, 1), 0
    for place, block in enumerate(model.blocks):
        filtered, gate = naive(block.conv, inside, 2 ** (place % 3)).split(4, -1)
        z = torch.tanh(filtered) * torch.sigmoid(gate)
        total = total + z @ block.skip.weight.T + block.skip.bias
        if block.residual is None:
            break
        inside = inside + z @ block.residual.weight.T + block.residual.bias
    expected = torch.relu(torch.relu(total) @ model.last.weight.T + model.last.bias)
    torch.testing.assert_close(model(x)[0], expected)


@pytest.mark.parametrize(("depth", "cycles", "kernel"), [(3, 1, 2), (2, 2, 3)])
def test_sees_as_far_as_it_says(depth, cycles, kernel):
    torch.manual_seed(0)  # with other weights a relu may be shut
    config = WaveNetConfig(width=4, skip=4, depth=depth, cycles=cycles, kernel=kernel)
    model = WaveNet((40, 2), config).double()
    field = kernel + (kernel - 1) * cycles * (2**depth - 1)
    assert model.receptive_field == field
    torch.nn.init.ones_(model.last.bias)  # keep the last relu open
    x = torch.randn(1, 40, 2, dtype=torch.float64, requires_grad=True)
    model(x)[0][:, -1].sum().backward()
    assert x.grad is not None
    reached = x.grad[0].abs().sum(-1).nonzero().flatten()
    assert reached.tolist() == list(range(40 - field, 40))


def test_the_papers_cycle_of_ten_sees_1024_samples():
    """Section 2.1: dilations 1, 2, ..., 512 see 1024 samples; the first convolution adds one."""
    with torch.device("meta"):
        assert WaveNet((2000, 1), WaveNetConfig(depth=10, cycles=1)).receptive_field == 1024 + 1
