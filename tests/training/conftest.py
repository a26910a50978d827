"""A little task: sequences of three classes, and networks small enough to train in a blink."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.tasks import Classify
from bicameral.training import seeded

CLASSES = ("rise", "fall", "flat")


class Tiny(nn.Module):
    """Features by a bag of steps with batch norm and dropout, and a linear head."""

    def __init__(self, width: int = 8, dropout: float = 0.2):
        super().__init__()
        self.mix = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Dropout(dropout))
        self.norm, self.head = nn.BatchNorm1d(width), nn.Linear(width, len(CLASSES))

    def features(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.norm(self.mix(x).mean(1))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.head(self.features(x, lengths))


def make_dataset(count: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.normal(size=(count, 5, 3)).astype(np.float32)
    x[np.arange(count), :, y] += 1
    return Dataset(name="slopes", kind="series", items=list(x), targets=y, classes=CLASSES)


def make_prepared(count: int, seed: int = 0) -> Prepared:
    dataset = make_dataset(count, seed)
    return Prepared(dataset, fit_preprocessing(dataset, np.arange(count)))


@pytest.fixture
def task() -> Classify:
    return Classify(classes=CLASSES)


@pytest.fixture
def train() -> Prepared:
    """Examples that leave a last batch of one where batches have nine."""
    return make_prepared(37)


@pytest.fixture
def val() -> Prepared:
    return make_prepared(30, seed=1)


@pytest.fixture
def network() -> Callable[..., nn.Module]:
    """Make the same network again and again."""

    def make(cls: Callable[..., nn.Module] = Tiny, **settings: float) -> nn.Module:
        with seeded(7):
            return cls(**settings)

    return make


@pytest.fixture
def numbers() -> Callable[[nn.Module], Tensor]:
    """Lay every weight and buffer of a network end to end."""
    return lambda network: torch.cat([value.double().flatten() for value in network.state_dict().values()])
