"""The laws of a task: what it keeps of examples, its answers and its JSON, for plug-ins too."""

import json
from dataclasses import asdict, fields
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bicameral.testing.examples import Laws


def task_laws(task: Any, y: Tensor, *, steps: int | None = None) -> Laws:
    """Yield the laws for a task and the truth of at least six examples, as a prepared batch holds it.

    steps  in time of each output, where the task asks at every step; the task's `context` if not given
    """
    generator = torch.Generator().manual_seed(0)
    along = (steps or task.context,) if task.per_step else ()
    raw = torch.randn(len(y), *along, *task.output_shape, generator=generator)
    for law in LAWS:
        yield law.__name__, partial(law, task, raw, y)


def score_does_not_depend_on_batches(task: Any, output: Tensor, y: Tensor) -> None:
    """What is kept of examples is the same alone, in batches and together, and so are all metrics."""
    kept = task.judged(output, y)
    whole = task.statistics(kept, y)
    for size in (1, 4):
        parts = [
            task.statistics(task.judged(*part), part[1])
            for part in zip(output.split(size), y.split(size), strict=True)
        ]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
        for name, values in whole.items():
            np.testing.assert_allclose(joined[name], values, rtol=1e-5, atol=1e-7, err_msg=name)
        _assert_scores(task.score_from(joined), task.metrics(kept, y))


def score_does_not_depend_on_the_order(task: Any, output: Tensor, y: Tensor) -> None:
    """Rows of statistics may be picked, repeated and put in another order, as a bootstrap does."""
    rows = np.random.default_rng(0).integers(0, len(y), 2 * len(y))
    statistics = task.statistics(task.judged(output, y), y)
    drawn = {name: values[rows] for name, values in statistics.items()}
    _assert_scores(task.score_from(drawn), task.metrics(task.judged(output[rows], y[rows]), y[rows]))


def every_metric_names_what_it_needs(task: Any, output: Tensor, y: Tensor) -> None:
    """The headline is one of the metrics, and each is computed from the statistics that it needs alone."""
    assert task.metric in task.table
    kept = task.judged(output, y)
    for name, metric in task.table.items():
        found = metric.compute(task.statistics(kept, y, metric.needs))
        np.testing.assert_equal(found, task.metrics(kept, y)[name])


def every_example_has_one_outcome(task: Any, output: Tensor, y: Tensor) -> None:
    """`outcomes` gives a score an example, and `decode` one readable answer that JSON can hold."""
    kept = task.judged(output, y)
    assert task.outcomes(task.statistics(kept, y)).shape == (len(y),)
    answers = task.decode(kept)
    assert len(answers) == len(y)
    assert all(isinstance(name, str) for answer in answers for name in answer)


def loss_is_differentiable(task: Any, output: Tensor, y: Tensor) -> None:
    """Its gradient is finite and not zero everywhere; one mean loss is that of its halves, weighed."""
    output = output.clone().requires_grad_()
    loss = task.loss(output, y)
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient.isfinite().all()
    assert gradient.any()
    parts = list(zip(output.split(len(y) // 2), y.split(len(y) // 2), strict=True))
    weights = [task.loss_weight(part) for _, part in parts]
    weighed = sum(weight * task.loss(*part) for weight, part in zip(weights, parts, strict=True))
    torch.testing.assert_close(weighed / sum(weights), loss)


def task_survives_json(task: Any, output: Tensor, y: Tensor) -> None:  # noqa: ARG001
    """What `to_dict` gives can be written, and read again by the fields of the class."""
    saved = json.loads(json.dumps(task.to_dict()))
    assert saved.pop("name") == type(task).name
    whole = {key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()}
    assert type(task)(**whole) == task
    assert set(whole) == {field.name for field in fields(task)} == set(asdict(task))


def _assert_scores(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-7, err_msg=name)


LAWS = (
    score_does_not_depend_on_batches,
    score_does_not_depend_on_the_order,
    every_metric_names_what_it_needs,
    every_example_has_one_outcome,
    loss_is_differentiable,
    task_survives_json,
)
