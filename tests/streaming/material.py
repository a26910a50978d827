"""Small data of every kind that can be streamed, and networks on them."""

import numpy as np
import torch

from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import continued
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.data.preprocessing.continued import fit_continued
from bicameral.streaming.runner import streamable
from bicameral.tasks import Classify, Forecast, Regress
from bicameral.tasks.network import Network
from bicameral.tasks.next_frames import NextFrames
from bicameral.tasks.next_notes import NextNotes
from bicameral.tasks.next_token import NextToken

KINDS = ("series", "text", "sound", "clip")
STREAMABLE = [entry.name for entry in registry.entries() if streamable(entry)]
POOLED = [name for name in STREAMABLE if registry.entry(name).gives != "next"]
STEPWISE = [name for name in STREAMABLE if registry.entry(name).causal]
TEXT = "The cat, 3.5 kg: it's a DOG. the"


def items(kind, num=4):
    """A few raw examples; the first is the one that is streamed."""
    rng = np.random.default_rng(0)
    make = {
        "series": lambda: np.where(rng.random((9, 2)) < 0.2, np.nan, rng.normal(5, 2, (9, 2))).astype("f4"),
        "text": lambda: TEXT,
        "sound": lambda: rng.normal(size=700).astype(np.float32),
        "clip": lambda: rng.integers(0, 256, (5, 3, 10, 12), dtype=np.uint8),
    }[kind]
    return [make() for _ in range(num)]


def dataset(kind, given=None):
    return Dataset(
        name=kind, kind=kind, items=items(kind) if given is None else given, rate=8000.0, columns=("a", "b")
    )


def artifact(kind="series", model="gru", task=None, *, double=False, **options):
    """An untrained network of the model's smallest size."""
    data = dataset(kind)
    preprocessing = fit_preprocessing(data, np.arange(len(data)), **options)
    task = task or Classify(classes=("x", "y", "z"))
    torch.manual_seed(0)
    size = next(iter(registry.entry(model).sizes.values()))
    network = Network(preprocessing.layout, task, model, size).eval()
    return Artifact(network.double() if double else network, preprocessing, task)


def forecast(**fields):
    known = {"lookback": 4, "horizon": 3, "columns": ("b",), "channels": (1,), "mean": (5.0,)}
    return Forecast(**{**known, "deviation": (2.0,), **fields})


def regress():
    return Regress(columns=("u", "v"), mean=(1.0, 2.0), deviation=(3.0, 4.0))


def pieces(kind, item):
    """Cut an example as a stream brings it: rows, frames, characters, unequal chunks."""
    if kind == "sound":
        return np.split(item, [1, 150, 199, 200, 290, 610])
    return list(item)


def prefixes(kind, item):
    """What has come in after each piece."""
    if kind == "sound":
        ends = np.cumsum([len(piece) for piece in pieces(kind, item)])
        return [item[:end] for end in ends]
    return [item[: end + 1] for end in range(len(item))]


def stepwise(kind, model, *, double=True):
    """An untrained network asked at every step what comes next."""
    data = dataset(kind, items(kind) if kind == "text" else keys())
    preprocessing = fit_continued(continued(data), np.arange(len(data)), context=20, unit="characters")
    tokens = preprocessing.layout.vocabulary
    task = (
        NextToken(num_tokens=tokens, context=20, unit="characters")
        if kind == "text"
        else NextNotes(keys=data.columns, context=20)
    )
    torch.manual_seed(0)
    size = next(iter(registry.entry(model).sizes.values()))
    network = Network(preprocessing.layout, task, model, size).eval()
    return Artifact(network.double() if double else network, preprocessing, task)


def keys():
    """Series of two keys that are on or off."""
    return list(np.random.default_rng(0).integers(0, 2, (4, 9, 2)).astype(np.float32))


def continues(model, *, double=True):
    """An untrained network that continues clips by two frames."""
    data = dataset("clip", [clip[:, :1] for clip in items("clip")])
    preprocessing = fit_preprocessing(data, np.arange(len(data)))
    task = NextFrames(
        lookback=3,
        horizon=2,
        frame=preprocessing.layout.shape[1:],
        mean=preprocessing.mean,
        deviation=preprocessing.deviation,
        low=0.0,
        high=1.0,
        bounded=True,
        threshold=0.5,
    )
    torch.manual_seed(0)
    size = next(iter(registry.entry(model).sizes.values()))
    network = Network(preprocessing.layout, task, model, size).eval()
    torch.nn.init.normal_(network.head.next.conv.weight)
    return Artifact(network.double() if double else network, preprocessing, task)
