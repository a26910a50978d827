"""What is kept of each example gives every metric, as independent formulas do, however it was batched."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from bicameral.tasks import Classify, Forecast, MultiLabel, NextFrames, NextNotes, NextToken, Regress
from bicameral.testing import task_laws

FORECAST = {"lookback": 6, "horizon": 4, "columns": ("a", "b"), "channels": (0, 1)}
FORECAST |= {"mean": (5.0, 1.0), "deviation": (2.0, 3.0)}
FRAMES = {"lookback": 3, "horizon": 3, "mean": (0.2, 0.3), "deviation": (0.5, 0.4), "low": 0.0, "high": 1.0}
TASKS = {
    "classify": Classify(classes=("a", "b", "c", "d")),
    "multilabel": MultiLabel(classes=("a", "b", "c")),
    "regress": Regress(columns=("a", "b"), mean=(1.0, 2.0), deviation=(3.0, 0.5)),
    "forecast": Forecast(**FORECAST),
    "quantiles": Forecast(**FORECAST, quantiles=(0.1, 0.5, 0.9)),
    "next_token": NextToken(num_tokens=7, context=9, unit="characters"),
    "next_notes": NextNotes(keys=("A0", "B0", "C1"), context=9),
    "next_frames": NextFrames(**FRAMES, frame=(2, 13, 14), bounded=True, threshold=0.5),
}
NUM = 24


def truth(name, generator):
    shape = {"regress": (2,), "forecast": (4, 2), "quantiles": (4, 2), "next_frames": (3, 2, 13, 14)}.get(
        name
    )
    if shape is not None:
        y = torch.rand(NUM, *shape, generator=generator) * (1 if name == "next_frames" else 9)
        if name == "next_frames":
            y[1, :, :, :4] = torch.nan
        return y
    if name == "multilabel":
        return torch.randint(0, 2, (NUM, 3), generator=generator, dtype=torch.uint8)
    if name == "next_notes":
        y = torch.randint(0, 2, (NUM, 9, 3), generator=generator).float()
        y[2, 5:] = torch.nan
        return y
    high = {"classify": 4, "next_token": 7}[name]
    return torch.randint(0, high, (NUM, 9) if name == "next_token" else (NUM,), generator=generator)


def answered(name):
    generator = torch.Generator().manual_seed(0)
    task, y = TASKS[name], truth(name, generator)
    steps = (9,) if task.per_step else ()
    output = torch.randn(NUM, *steps, *task.output_shape, generator=generator)
    return task, task.judged(output, y), y, output


def of_classes(output, y):
    p, y = output.double().softmax(-1).numpy(), y.numpy()
    hard = p.argmax(-1)
    return {
        "accuracy": sk.accuracy_score(y, hard),
        "balanced_accuracy": sk.balanced_accuracy_score(y, hard),
        "macro_f1": sk.f1_score(y, hard, average="macro"),
        "auroc": sk.roc_auc_score(y, p, multi_class="ovr"),
        "log_loss": sk.log_loss(y, p),
    }


def of_labels(output, y):
    hard, y = output.numpy() > 0, y.numpy()
    return {
        "macro_f1": sk.f1_score(y, hard, average="macro"),
        "exact_match": sk.accuracy_score(y, hard),
        "hamming": 1 - sk.hamming_loss(y, hard),
    }


def of_numbers(output, y):
    p, y = (output.double() * torch.tensor([3.0, 0.5]) + torch.tensor([1.0, 2.0])).numpy(), y.double().numpy()
    return {
        "r2": sk.r2_score(y, p),
        "mae": sk.mean_absolute_error(y, p),
        "rmse": sk.mean_squared_error(y, p) ** 0.5,
    }


def of_windows(output, y):
    z = ((y - torch.tensor([5.0, 1.0])) / torch.tensor([2.0, 3.0])).double().flatten(1).numpy()
    points = (output if output.dim() == 3 else output[..., 1]).double()
    raw = (points * torch.tensor([2.0, 3.0]) + torch.tensor([5.0, 1.0])).flatten(1).numpy()
    truth = y.double().flatten(1).numpy()
    found = {
        "mse": sk.mean_squared_error(z, points.flatten(1).numpy()),
        "mae": sk.mean_absolute_error(z, points.flatten(1).numpy()),
        "raw_mae": sk.mean_absolute_error(truth, raw),
        "smape": float(np.mean(2 * np.abs(raw - truth) / (np.abs(raw) + np.abs(truth)))),
    }
    if output.dim() == 3:
        return found
    losses = [
        sk.mean_pinball_loss(z, output[..., place].double().flatten(1).numpy(), alpha=level)
        for place, level in enumerate((0.1, 0.5, 0.9))
    ]
    return found | {"pinball": np.mean(losses)}


def of_tokens(output, y):
    asked = (y > 0).flatten()
    p, y = output.double().softmax(-1).flatten(0, 1)[asked].numpy(), y.flatten()[asked].numpy()
    nats = sk.log_loss(y, p, labels=range(7))
    accuracy = sk.accuracy_score(y, p.argmax(-1))
    return {"nats": nats, "bits": nats / np.log(2), "perplexity": np.exp(nats), "accuracy": accuracy}


def of_notes(output, y):
    asked = y[..., 0].isfinite()
    on, y = output[asked] > 0, y[asked]
    nll = torch.nn.functional.binary_cross_entropy_with_logits(output[asked].double(), y.double())
    return {"nll": 3 * nll.item(), "accuracy": sk.jaccard_score(y.flatten(), on.flatten())}


def of_frames(output, y):
    mean, deviation = (torch.tensor(FRAMES[name])[:, None, None] for name in ("mean", "deviation"))
    error = ((output * deviation + mean).clamp(0, 1) - y).double().numpy()
    said, was = (output * deviation + mean).numpy() >= 0.5, y.numpy() >= 0.5
    known = np.isfinite(error)
    return {
        "mse": np.nansum(error**2) / (NUM * 3),
        "mae": np.nansum(abs(error)) / (NUM * 3),
        "pixel_mse": np.nanmean(error**2),
        "pixel_mae": np.nanmean(abs(error)),
        "csi": sk.jaccard_score(was[known], said[known]),
    }


FORMULAS = {
    "classify": of_classes,
    "multilabel": of_labels,
    "regress": of_numbers,
    "forecast": of_windows,
    "quantiles": of_windows,
    "next_token": of_tokens,
    "next_notes": of_notes,
    "next_frames": of_frames,
}


@pytest.mark.parametrize("name", TASKS)
def test_scores_equal_independent_formulas(name):
    task, kept, y, output = answered(name)
    found = task.score_from(task.statistics(kept, y))
    expected = FORMULAS[name](output, y)
    assert {metric: found[metric] for metric in expected} == pytest.approx(expected, rel=1e-6)
    assert set(found) - set(expected) <= {"ece", "ssim"}  # by hand in other files
    assert found == task.metrics(kept, y)
    assert task.score(kept, y) == task.headline.score(found[task.metric])


def laws():
    for name, task in TASKS.items():
        y = truth(name, torch.Generator().manual_seed(0))
        yield from (pytest.param(law, id=f"{name}-{of}") for of, law in task_laws(task, y))


@pytest.mark.parametrize("law", list(laws()))
def test_every_task_obeys(law):
    law()


class OfItsBatch(Classify):
    """Judges an example by the others of its batch."""

    @property
    def kept(self):
        return {**super().kept, "correct": lambda p, y: p.argmax(-1) == y[::-1]}


class Forgetful(Classify):
    """Says less than the headline needs."""

    @property
    def table(self):
        return {**super().table, "accuracy": replace(super().table["accuracy"], needs=("truth",))}


class Silent(Classify):
    """Has no answer for the last example."""

    def decode(self, output):
        return super().decode(output)[:-1]


class Unsaved(Classify):
    """Leaves a field out of its JSON."""

    def to_dict(self):
        return {key: value for key, value in super().to_dict().items() if key != "metric"}


class Flat(Classify):
    """Learns nothing."""

    def loss(self, output, y, **_):
        return super().loss(0 * output, y)


@pytest.mark.parametrize(
    ("faulty", "law"),
    [
        (OfItsBatch, "score_does_not_depend_on_batches"),
        (OfItsBatch, "score_does_not_depend_on_the_order"),
        (Forgetful, "every_metric_names_what_it_needs"),
        (Silent, "every_example_has_one_outcome"),
        (Unsaved, "task_survives_json"),
        (Flat, "loss_is_differentiable"),
    ],
)
def test_laws_bite(faulty, law):
    laws = dict(task_laws(faulty(classes=("a", "b", "c")), torch.arange(9) % 3))
    with pytest.raises((AssertionError, KeyError)):
        laws[law]()


def test_a_constant_column_is_explained_by_no_error_at_all():
    task = Regress(columns=("a", "b"), mean=(0.0, 0.0), deviation=(1.0, 1.0))
    y, right, wrong = torch.ones(4, 2), torch.ones(4, 2), torch.tensor([[1.0, 2.0]] * 4)
    for output in (right, wrong):
        assert task.metrics(output, y)["r2"] == sk.r2_score(y.numpy(), output.numpy())
    assert np.isnan(task.metrics(right[:1], y[:1])["r2"])
