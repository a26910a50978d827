"""The ridge against scikit-learn's, and the head it leaves in a network."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from torch import nn

from bicameral import registry
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.tasks import Classify, Forecast, Regress
from bicameral.tasks.network import Network
from bicameral.training.closed_form import out_of_fold, solve
from bicameral.training.folds import folds
from bicameral.training.ridge import PENALTIES, fit_ridge


class Flat(Network):
    """A network whose features are its standardised inputs, flattened, and whose forecasts are changes."""

    def __init__(self, width: int, task):
        nn.Module.__init__(self)
        self.backbone, self.task, self.entry = nn.Identity(), task, registry.entry("majority")
        self.head = nn.Linear(width, int(np.prod(task.output_shape)))

    def features(self, x, lengths=None):
        return x.flatten(1)

    def forward(self, x, lengths=None):
        output = self.head(self.features(x)).unflatten(-1, self.task.output_shape)
        return output + x[:, -1:, :1, None] if isinstance(self.task, Forecast) else output


def prepare(x, y, classes=(), groups=None):
    dataset = Dataset(name="made", kind="series", items=list(x), targets=y, classes=classes, groups=groups)
    return Prepared(dataset, fit_preprocessing(dataset, np.arange(len(x))))


@pytest.mark.parametrize("shape", [(60, 12), (20, 45)], ids=["tall", "wide"])
def test_the_ridge_is_scikit_learns(shape):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) * rng.uniform(0.1, 9, shape[1]) + 5
    y = x[:, :3] @ rng.normal(size=(3, 2)) + 3 * rng.normal(size=(shape[0], 2))
    scaler = StandardScaler().fit(x)
    theirs = RidgeCV(PENALTIES).fit(scaler.transform(x), y)
    ours = fit_ridge(torch.from_numpy(x), torch.from_numpy(y))
    assert ours.penalty == pytest.approx(theirs.alpha_)
    prediction = torch.from_numpy(x) @ ours.weight.mT + ours.bias
    np.testing.assert_allclose(prediction.numpy(), theirs.predict(scaler.transform(x)), rtol=1e-8, atol=1e-8)


def test_errors_of_rows_left_out_are_those_of_leaving_them_out():
    rng = np.random.default_rng(1)
    x, y = torch.from_numpy(rng.normal(size=(15, 4))), torch.from_numpy(rng.normal(size=(15, 1)))
    ridge = fit_ridge(x, y)
    z = (x - x.mean(0)) / x.std(0, correction=0)
    for row in range(15):
        rest = torch.arange(15) != row
        kept, truth = z[rest], y[rest]
        mean = kept.mean(0)
        penalised = (kept - mean).mT @ (kept - mean) + ridge.penalty * torch.eye(4)
        weight = torch.linalg.solve(penalised, (kept - mean).mT @ (truth - truth.mean()))
        assert torch.allclose(ridge.left_out[row], y[row] - truth.mean() - (z[row] - mean) @ weight)


def test_errors_of_folds_left_out_are_those_of_leaving_them_out():
    rng = np.random.default_rng(1)
    x, y = torch.from_numpy(rng.normal(size=(15, 4))), torch.from_numpy(rng.normal(size=(15, 2)))
    folds = np.arange(15) % 4
    ridge = fit_ridge(x, y, folds)
    z = (x - x.mean(0)) / x.std(0, correction=0)
    for fold in range(4):
        kept, truth = z[folds != fold], y[folds != fold]
        centred = kept - kept.mean(0)
        penalised = centred.mT @ centred + ridge.penalty * torch.eye(4)
        weight = torch.linalg.solve(penalised, centred.mT @ (truth - truth.mean(0)))
        expected = y[folds == fold] - truth.mean(0) - (z[folds == fold] - kept.mean(0)) @ weight
        torch.testing.assert_close(ridge.left_out[folds == fold], expected)


def test_a_constant_feature_gets_no_weight():
    x = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 0.1
    ridge = fit_ridge(x, (2 * x[:, :1] + 1).double())
    assert ridge.weight[0, 1] == 0
    assert ridge.weight[0, 0] == pytest.approx(2, rel=1e-3)


def test_without_features_the_common_class_is_the_answer():
    y = np.array([0, 1, 1, 1, 2, 2])
    task = Classify(classes=("a", "b", "c"))
    network, train = Flat(2, task), prepare(np.ones((6, 2, 1), np.float32), y, task.classes)
    solve(network, task, train)
    probabilities = network(train.batch([0]).x).softmax(-1)[0]
    assert probabilities.argsort(descending=True).tolist() == [1, 2, 0]


def test_classes_are_learnt_and_probabilities_calibrated():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 300)
    x = (rng.normal(size=(300, 4, 3)) + np.eye(3)[y][:, None]).astype(np.float32)
    task = Classify(classes=("a", "b", "c"))
    network, train = Flat(12, task), prepare(x, y, task.classes)
    solve(network, task, train)
    output = network(train.batch(np.arange(300)).x).detach()
    assert task.score(output, torch.from_numpy(y)) > 0.8
    losses = [task.loss(scale * output, torch.from_numpy(y)).item() for scale in (0.5, 1.0, 2.0)]
    assert losses[1] < min(losses[0], losses[2])


def test_regression_is_exact_where_it_can_be():
    x = np.random.default_rng(3).normal(size=(50, 2, 2)).astype(np.float32)
    y = (x.reshape(50, 4) @ np.array([1, -2, 3, 4.0]) + 7).astype(np.float32)
    task = Regress(columns=("y",), mean=(float(y.mean()),), deviation=(float(y.std()),))
    network, train = Flat(4, task), prepare(x, y)
    solve(network, task, train)
    assert task.score(network(train.batch(np.arange(50)).x).detach(), torch.from_numpy(y)) > 0.9999


def test_forecasts_are_changes_and_their_quantiles_cover():
    x = np.random.default_rng(4).normal(size=(400, 5, 1)).astype(np.float32)
    future = x[:, -1:, :] + 2 * x[:, :1, :] + np.random.default_rng(5).normal(size=(400, 2, 1))
    task = Forecast(
        lookback=5,
        horizon=2,
        columns=("v",),
        channels=(0,),
        mean=(0.0,),
        deviation=(1.0,),
        quantiles=(0.1, 0.9),
    )
    network, train = Flat(5, task), prepare(x, future.astype(np.float32))
    solve(network, task, train)
    low, high = network(train.batch(np.arange(400)).x).detach()[..., 0, :].unbind(-1)
    truth = torch.from_numpy(future[..., 0])
    assert ((truth > low) & (truth < high)).double().mean().item() == pytest.approx(0.8, abs=0.03)
    assert (high - low).mean().item() == pytest.approx(2 * 1.2816, rel=0.1)


def test_groups_are_left_out_whole_when_the_penalty_is_chosen():
    """Rows of a group are copies: leaving out one of them alone would reward learning them by heart."""
    rng = np.random.default_rng(6)
    x = np.repeat(rng.normal(size=(12, 20, 1)), 10, 0).astype(np.float32)
    y = np.repeat(rng.normal(size=12), 10).astype(np.float32)
    task = Regress(columns=("y",), mean=(0.0,), deviation=(1.0,))
    alone, whole = Flat(20, task), Flat(20, task)
    solve(alone, task, prepare(x, y))
    solve(whole, task, prepare(x, y, groups=np.repeat(np.arange(12), 10)))
    assert whole.head.weight.norm() < 0.1 * alone.head.weight.norm()


def test_the_seed_decides_what_is_drawn():
    rng = np.random.default_rng(7)
    train = prepare(rng.normal(size=(30, 20, 1)).astype(np.float32), np.arange(30) % 2, ("a", "b"))
    task, found = Classify(classes=("a", "b")), []
    for noise, seed in ((1, 0), (2, 0), (3, 1)):
        torch.manual_seed(5)
        network = Network(train.layout, task, "mini_rocket", {"num_features": 84})
        torch.manual_seed(noise)
        solve(network, task, train, seed=seed)
        found.append(network.backbone.biases)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", ["mini_rocket", "nbsvm"])
def test_outputs_out_of_fold_know_nothing_of_their_labels(name):
    rng = np.random.default_rng(8)
    y, task = np.arange(60) % 2, Classify(classes=("a", "b"))
    if name == "nbsvm":
        items = [" ".join(rng.choice(["red", "blue", "green", "ink"], 8)) for _ in y]
        dataset = Dataset(name="made", kind="text", items=items, targets=y, classes=task.classes)
    else:
        items = list(rng.normal(size=(60, 16, 1)).astype(np.float32))
        dataset = Dataset(name="made", kind="series", items=items, targets=y, classes=task.classes)
    train = Prepared(dataset, fit_preprocessing(dataset, np.arange(60)))
    network = Network(train.layout, task, name).eval()
    output = out_of_fold(network, task, train, folds(task, train))
    batch = train.batch(np.arange(60))
    seen = task.score(network(batch.x, batch.lengths).detach(), batch.y)
    assert output.shape == (60, 2)
    assert task.score(output, batch.y) < 0.7 < seen


def test_outputs_out_of_fold_are_those_of_a_network_fitted_to_the_rest():
    rng = np.random.default_rng(9)
    texts = [" ".join(rng.choice(["red", "blue", "green", "ink"], 8)) for _ in range(40)]
    y, task = np.array([text.count("red") > 1 for text in texts], np.int64), Classify(classes=("a", "b"))
    dataset = Dataset(name="made", kind="text", items=texts, targets=y, classes=task.classes)
    train = Prepared(dataset, fit_preprocessing(dataset, np.arange(40)))
    chosen = folds(task, train)
    output = out_of_fold(Network(train.layout, task, "nbsvm"), task, train, chosen)
    network = Network(train.layout, task, "nbsvm")
    solve(network, task, Prepared(dataset, train.preprocessing, np.flatnonzero(chosen != 2)))
    left = train.batch(np.flatnonzero(chosen == 2))
    torch.testing.assert_close(output[chosen == 2], network(left.x, left.lengths).detach())
