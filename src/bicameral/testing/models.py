"""The laws of a registered model, whatever it reads and gives."""

import dataclasses
import json
from typing import Any

import torch
from torch import Tensor

from bicameral.errors import BicameralError
from bicameral.registry import Entry
from bicameral.testing.examples import SHAPES, TIME_AXES, assert_same, examples, first, ready


def build(entry: Entry, shape: tuple[int, ...] | None = None, *, size: int = 0) -> Any:
    """Return the model at its smallest size (-1: its largest), for the laws' examples or those of `shape`."""
    return entry.build(shape or SHAPES[entry.reads], entry.configure(list(entry.sizes.values())[size]))


def output_has_the_shape_it_promises(entry: Entry) -> None:
    """`width` of a vector, of steps and of frames, `channels` of maps, `horizon` of a forecast."""
    module, x = ready(lambda: build(entry)), examples(SHAPES[entry.reads])
    y = first(module(x))
    if entry.gives == "forecast":
        assert y.shape == (len(x), entry.config().horizon, *x.shape[2:])
    elif entry.gives == "maps":
        assert_same(y, module.features(x)[-1])
    elif entry.gives == "frames":
        cells = [-(-size // stride) for size, stride in zip(x.shape[3:], module.stride, strict=True)]
        assert list(y.shape) == [*x.shape[:2], module.width, *cells]
    else:
        assert y.shape[-1] == module.width
        assert y.dim() == {"vector": 2, "answer": 2, "steps": 3, "next": 3}[entry.gives]


def every_size_builds_from_json(entry: Entry) -> None:
    """A config survives being written beside the weights."""
    for size in entry.sizes.values():
        config = entry.configure(size)
        saved = entry.configure(json.loads(json.dumps(dataclasses.asdict(config))))
        entry.build(SHAPES[entry.reads], saved)


def training_lowers_the_loss(entry: Entry) -> None:
    """A few small steps downhill, with a finite gradient for every parameter."""
    module, x = ready(lambda: build(entry)).train(), examples(SHAPES[entry.reads])
    parameters = list(module.parameters())
    if not parameters:
        return
    target = torch.randn_like(first(module(x)))
    optimizer = torch.optim.SGD(parameters, lr=1e-3 / target.numel() ** 0.5)
    losses = []
    for _ in range(5):
        with torch.random.fork_rng(devices=[]):  # the same units drop out every time
            torch.manual_seed(0)
            loss = (first(module(x)) - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def seed_decides_everything(entry: Entry) -> None:
    """Weights, what is drawn in `prepare`, and outputs."""
    x = examples(SHAPES[entry.reads])
    one, other = (_used(entry, x, seed=5) for _ in range(2))
    assert_same(list(one.state_dict().values()), list(other.state_dict().values()))
    assert_same(one(x), other(x))


def state_dict_carries_everything(entry: Entry) -> None:
    """A model of another seed answers alike once it has loaded it."""
    x = examples(SHAPES[entry.reads])
    one, other = (_used(entry, x, seed=seed) for seed in (5, 6))
    other.load_state_dict(one.state_dict())
    assert_same(one(x), other(x))


def one_row_can_be_trained_on(entry: Entry) -> None:
    """The last batch of an epoch may hold a single example."""
    module, x = ready(lambda: build(entry)).train(), examples(SHAPES[entry.reads])[:1]
    assert first(module(x)).isfinite().all()


def too_few_frames_are_answered_or_refused(entry: Entry) -> None:
    """Rows of no frame or of one: finite numbers in the promised shape, or an error that says why not."""
    module, x, axis = ready(lambda: build(entry)), examples(SHAPES[entry.reads]), TIME_AXES[entry.reads]
    for num_frames in (0, 1):
        try:
            y = first(module(x.narrow(axis, 0, num_frames)))
        except BicameralError:
            continue
        assert y.isfinite().all(), f"not finite for {num_frames} frames"
        assert len(y) == len(x)
        if entry.gives == "forecast":
            assert y.shape[1] == entry.config().horizon


LAWS = (
    output_has_the_shape_it_promises,
    every_size_builds_from_json,
    training_lowers_the_loss,
    seed_decides_everything,
    state_dict_carries_everything,
    one_row_can_be_trained_on,
    too_few_frames_are_answered_or_refused,
)


def _used(entry: Entry, x: Tensor, seed: int) -> Any:
    module = ready(lambda: build(entry), seed)
    if entry.prepares:
        module.prepare(x)
    module.train()(x)  # moves the running statistics
    return module.eval()
