"""Losses and metrics against formulas written out by hand."""

import math

import numpy as np
import pytest
import torch

from bicameral.errors import ConfigError, UnknownNameError
from bicameral.tasks import Classify, Forecast, MultiLabel, Regress, Task, task_from_dict
from bicameral.tasks.metrics import expected_calibration_error
from bicameral.tasks.regress import standardisation

CLASSIFY = Classify(classes=("cat", "dog", "eel"))
MULTILABEL = MultiLabel(classes=("red", "big"))
REGRESS = Regress(columns=("price",), mean=(10.0,), deviation=(4.0,))
FORECAST = Forecast(lookback=6, horizon=2, columns=("load",), channels=(1,), mean=(5.0,), deviation=(2.0,))


def test_classify_loss_and_metrics_equal_the_formulas():
    output = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]])
    y = torch.tensor([0, 1, 2, 2])
    picked = [2 / 1, 1, 3, 0]
    others = [(2, 0, 0), (0, 1, 0), (0, 0, 3), (1, 0, 0)]
    nll = np.mean([math.log(sum(map(math.exp, row))) - hit for row, hit in zip(others, picked, strict=True)])
    assert CLASSIFY.loss(output, y).item() == pytest.approx(nll, rel=1e-6)
    found = CLASSIFY.metrics(output, y)
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert found["log_loss"] == pytest.approx(nll, rel=1e-6)
    assert CLASSIFY.outcomes(CLASSIFY.statistics(output, y)).tolist() == [1, 1, 1, 0]


def test_auroc_is_the_share_of_rightly_ordered_pairs():
    task = Classify(classes=("no", "yes"), metric="auroc")
    output, y = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2
    margin = (output[:, 1] - output[:, 0]).numpy()
    pairs = margin[1::2][:, None] > margin[::2][None]
    assert task.score(output, y) == pytest.approx(pairs.mean())


def test_calibration_error_of_a_constant_boast_is_its_gap():
    kept = {"confidence": np.full(10, 0.9), "correct": np.array([1.0] * 6 + [0.0] * 4)}
    assert expected_calibration_error(kept) == pytest.approx(0.3)


def test_multilabel_counts_every_label():
    output, y = torch.tensor([[3.0, -3.0], [3.0, 3.0]]), torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8)
    assert MULTILABEL.metrics(output, y) == pytest.approx(
        {"macro_f1": (2 / 3 + 1) / 2, "exact_match": 0.5, "hamming": 0.75}
    )
    wrong, right = math.log1p(math.exp(3)), math.log1p(math.exp(-3))
    assert MULTILABEL.loss(output, y).item() == pytest.approx((3 * right + wrong) / 4, rel=1e-5)


def test_regression_trains_on_standard_scores_and_is_judged_in_raw_units():
    output, y = torch.tensor([[0.5], [-1.0]]), torch.tensor([14.0, 6.0])
    assert REGRESS.loss(output, y).item() == pytest.approx(0.5 * 0.5**2)
    assert REGRESS.metrics(output, y)["mae"] == pytest.approx(1.0)
    assert REGRESS.metrics(output, y)["r2"] == pytest.approx(1 - 4 / 32)
    assert REGRESS.decode(output) == [{"price": 12.0}, {"price": 6.0}]


def test_standardisation_leaves_a_constant_target_alone():
    mean, deviation = standardisation(np.array([[1.0, 7.0], [3.0, 7.0]]))
    assert (mean, deviation) == ((2.0, 7.0), (1.0, 1.0))


def test_forecasts_are_judged_in_deviations_and_read_in_raw_units():
    output, y = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[5.0], [9.0]]])
    assert FORECAST.loss(output, y).item() == pytest.approx((1 + 4) / 2)
    assert FORECAST.score(output, y) == pytest.approx(-2.5)
    assert FORECAST.metrics(output, y)["raw_mae"] == pytest.approx(3.0)
    assert FORECAST.decode(output) == [{"load": [7.0, 5.0]}]


def test_the_pinball_loss_of_the_median_is_half_the_absolute_error():
    fields = {**FORECAST.to_dict(), "quantiles": [0.5]}
    task = task_from_dict(fields)
    output, y = torch.tensor([[[[1.0]], [[0.0]]]]), torch.tensor([[[5.0], [9.0]]])
    assert task.loss(output, y).item() == pytest.approx((0.5 * 1 + 0.5 * 2) / 2)
    assert task.decode(output)[0]["load_q0.5"] == [7.0, 5.0]


def test_a_high_quantile_is_punished_for_being_too_low():
    task = Forecast(**{**vars(FORECAST), "quantiles": (0.1, 0.9)})
    y = torch.tensor([[[7.0], [7.0]]])  # z = 1
    low, high = torch.tensor([0.0]), torch.tensor([2.0])
    too_low = task.loss(low.expand(1, 2, 1, 2), y)
    too_high = task.loss(high.expand(1, 2, 1, 2), y)
    assert too_low.item() == too_high.item() == pytest.approx((0.1 + 0.9) / 2)


@pytest.mark.parametrize("task", [CLASSIFY, MULTILABEL, REGRESS, FORECAST], ids=lambda task: task.name)
def test_a_task_survives_json(task: Task):
    assert task_from_dict(task.to_dict()) == task


def test_unknown_metrics_and_senseless_quantiles_are_named():
    with pytest.raises(UnknownNameError, match=r"no metric called 'acuracy'.*'accuracy'"):
        Classify(classes=("a", "b"), metric="acuracy")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Forecast(**{**vars(FORECAST), "quantiles": (0.1, 1.5)})
