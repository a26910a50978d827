"""Facts of the convolutional and hybrid papers that a parameter count does not show."""

import pytest
import torch
from torch import nn

from bicameral.errors import ConfigError
from bicameral.models.cnn_gru import CNNGRU, CNNGRUConfig
from bicameral.models.crnn import CRNN, CRNNConfig
from bicameral.models.fcn import FCN, FCNConfig
from bicameral.models.lenet5 import LeNet5, LeNet5Config
from bicameral.models.r2plus1d import num_mids
from bicameral.models.resnet import ResNet, ResNetConfig
from bicameral.models.tcn import TCN, TCNConfig
from bicameral.models.textcnn import TextCNN, TextCNNConfig


def reach(run, num_frames):
    """How many input frames a middle output frame depends on."""
    x = torch.randn(1, num_frames, 1, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(run(x)[0, num_frames // 2].sum(), x)
    return int((grad.abs() > 0).sum())


def test_fcn_sees_14_frames():
    model = FCN((1, 60), FCNConfig(width=8)).double().eval()
    assert reach(lambda x: model(x.transpose(1, 2)).transpose(1, 2), 60) == 1 + 7 + 4 + 2


@pytest.mark.parametrize(("kernel", "depth"), [(3, 3), (7, 2)])
def test_tcn_sees_what_its_formula_says(kernel, depth):
    model = TCN((200, 1), TCNConfig(width=8, depth=depth, kernel=kernel)).double()
    for name, weight in model.named_parameters():
        if "original" in name or "bias" in name:
            nn.init.uniform_(weight, 0.1, 1)  # nothing is cut by a relu
    assert reach(lambda x: model(x.square())[0], 200) == 1 + 2 * (kernel - 1) * (2**depth - 1)


@pytest.mark.parametrize(("before", "after", "mids"), [(64, 64, 144), (64, 128, 230), (256, 512, 921)])
def test_factored_convolution_has_the_papers_mids(before, after, mids):
    assert num_mids(before, after) == mids
    assert 9 * before * mids + 3 * mids * after <= 27 * before * after


def test_residual_blocks_start_as_their_shortcut():
    model = ResNet((3, 16, 16), ResNetConfig(depth=8)).eval()
    x = torch.randn(2, 3, 16, 16)
    stem = model.stem(x, None)
    torch.testing.assert_close(model.features(x)[0], stem)
    padded = nn.functional.pad(stem[:, :, ::2, ::2], (0, 0, 0, 0, 0, 16))
    torch.testing.assert_close(model.features(x)[1], padded)


@pytest.mark.parametrize("depth", [7, 10, 19, 101])
def test_impossible_depths_are_refused(depth):
    with pytest.raises(ConfigError, match="6 n"):
        ResNetConfig(depth=depth)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 1, 30), (1, 5, 5), (3, 33, 20), (1, 32, 32)])
def test_lenet_takes_any_size(shape):
    assert LeNet5(shape, LeNet5Config())(torch.randn(2, *shape)).shape == (2, 84)


def test_lenet_maps_are_the_papers():
    maps = LeNet5((1, 28, 28), LeNet5Config()).features(torch.randn(1, 1, 28, 28))
    assert [tuple(y.shape[1:]) for y in maps] == [(6, 14, 14), (16, 5, 5)]


@pytest.mark.parametrize("height", [1, 8, 28, 32, 40])
def test_crnn_takes_any_height(height):
    model = CRNN((1, height, 40), CRNNConfig(width=4, channels=2))
    assert model(torch.randn(2, 1, height, 40)).shape == (2, 10, 8)


def test_crnn_columns_keep_their_order():
    """A change at the right edge reaches the convolutional columns at the right only."""
    model = CRNN((1, 32, 80), CRNNConfig(width=4, channels=2)).eval()
    model.first, model.between, model.second = _Columns(), nn.Identity(), _Columns()
    x = torch.randn(1, 1, 32, 80)
    changed = x.clone()
    changed[..., -4:] += 1
    moved = (model(changed) - model(x)).abs().sum(-1)[0]
    assert moved[-1] > 0
    assert not moved[:8].any()


class _Columns(nn.Module):
    def forward(self, x, lengths):
        return x


def test_cnn_gru_gives_one_step_for_four_frames():
    model = CNNGRU((3, 21), CNNGRUConfig(width=5, channels=4))
    assert model(torch.randn(2, 3, 21)).shape == (2, 6, 10)
    assert model.output_lengths(torch.tensor([21, 4, 1])).tolist() == [6, 1, 1]


def test_textcnn_finds_a_phrase_wherever_it_stands():
    model = TextCNN((4, 30), TextCNNConfig(width=6)).eval()
    x = torch.zeros(2, 4, 30)
    phrase = torch.randn(4, 5)
    x[0, :, 6:11], x[1, :, 20:25] = phrase, phrase
    torch.testing.assert_close(model(x)[0], model(x)[1])
