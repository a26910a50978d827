"""Every model reads every kind of data, whole and padded, and answers in the task's shape."""

import pytest
import torch

from bicameral import registry
from bicameral.data.dataset import Layout
from bicameral.nn.masking import last_valid, masked_mean
from bicameral.tasks import Classify, Forecast
from bicameral.tasks.network import Network, fit_time

CLASSIFY = Classify(classes=("a", "b", "c"))
LENGTHS = torch.tensor([8, 7, 3, 5])
KINDS = {
    "image": (Layout("image", (1, 8, 8)), torch.randn(4, 1, 8, 8), None),
    "clip": (Layout("clip", (8, 1, 16, 16)), torch.randn(4, 8, 1, 16, 16), LENGTHS),
    "sound": (Layout("sound", (8, 12)), torch.randn(4, 8, 12), LENGTHS),
    "text": (Layout("text", (8,), 50), torch.randint(1, 50, (4, 8)), LENGTHS),
    "series": (Layout("series", (8, 2)), torch.randn(4, 8, 2), LENGTHS),
}
CLASSIFIERS = [
    (entry.name, kind)
    for entry in registry.entries()
    if entry.gives not in ("forecast", "next")
    for kind in (KINDS if entry.gives != "answer" else entry.kinds)
]
FORECASTERS = [
    entry.name for entry in registry.entries() if entry.gives == "forecast" and entry.reads != "frames"
]


@pytest.mark.parametrize(("name", "kind"), CLASSIFIERS)
def test_any_model_reads_any_kind_and_padding_is_inert(name, kind):
    layout, x, lengths = KINDS[kind]
    network = Network(layout, CLASSIFY, name).eval()
    whole = network(x, lengths)
    assert whole.shape == (4, 3)
    alone = x[1:2] if lengths is None else x[1:2, : lengths[1]]
    torch.testing.assert_close(network(alone, None)[0], whole[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("quantiles", [(), (0.1, 0.5, 0.9)], ids=["points", "quantiles"])
@pytest.mark.parametrize("name", ["gru", "fcn", *FORECASTERS])
def test_forecasts_have_the_shape_of_the_target(name, quantiles):
    task = Forecast(
        lookback=12,
        horizon=5,
        columns=("load",),
        channels=(1,),
        mean=(0,),
        deviation=(1,),
        quantiles=quantiles,
    )
    network = Network(Layout("series", (12, 3)), task, name).eval()
    assert network(torch.randn(4, 12, 3)).shape == (4, *task.output_shape)


def test_a_head_of_zeros_forecasts_the_last_value_of_the_target_column():
    task = Forecast(lookback=12, horizon=5, columns=("load",), channels=(1,), mean=(0,), deviation=(1,))
    network = Network(Layout("series", (12, 3)), task, "gru").eval()
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    x = torch.randn(4, 12, 3)
    torch.testing.assert_close(network(x), x[:, -1:, 1:2].expand(4, 5, 1))


def test_pooling_looks_at_valid_frames_only():
    y = torch.tensor([[[1.0], [3.0], [float("nan")]], [[2.0], [4.0], [6.0]]])
    lengths = torch.tensor([2, 3])
    assert masked_mean(y, lengths).tolist() == [[2.0], [4.0]]
    assert last_valid(y, lengths).tolist() == [[3.0], [6.0]]


def test_fit_time_cuts_and_pads():
    x, lengths = torch.ones(2, 3, 4), torch.tensor([3, 1])
    cut, shorter = fit_time(x, lengths, 2)
    assert cut.shape == (2, 2, 4)
    assert shorter.tolist() == [2, 1]
    padded, lengths = fit_time(x, None, 5)
    assert padded.sum(dim=(0, 2)).tolist() == [8, 8, 8, 0, 0]
    assert lengths.tolist() == [3, 3]
