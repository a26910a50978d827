"""Where compiling pays, and that it changes nothing but time."""

import pytest
import torch
from torch import nn

from bicameral.training import Budget, Recipe, fit
from bicameral.training.compiling import pays

GPU, LONG = torch.device("cuda"), Budget(seconds=3600.0)


@pytest.mark.parametrize(
    ("recipe", "budget", "network", "device", "answer"),
    [
        (Recipe(), LONG, nn.Linear(2, 2), GPU, True),
        (Recipe(), LONG, nn.Sequential(nn.LSTM(2, 2)), GPU, False),
        (Recipe(), LONG, nn.Linear(2, 2), torch.device("cpu"), False),
        (Recipe(), Budget(seconds=60.0), nn.Linear(2, 2), GPU, False),
        (Recipe(compile=True), Budget(steps=1), nn.Linear(2, 2), torch.device("cpu"), True),
        (Recipe(compile=False), LONG, nn.Linear(2, 2), GPU, False),
    ],
    ids=["long on a GPU", "a recurrence", "a CPU", "short", "asked for", "forbidden"],
)
def test_where_it_pays(recipe, budget, network, device, answer):
    assert pays(recipe, budget, network, device) == answer


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_a_compiled_run_is_the_plain_run(network, task, train, val, numbers):
    plain, fast = network(dropout=0.0), network(dropout=0.0)
    run = {"budget": Budget(epochs=2), "seed": 0}
    fit(plain, task, train, val, recipe=Recipe(batch_size=9, compile=False), **run)
    history = fit(fast, task, train, val, recipe=Recipe(batch_size=9, compile=True), **run)
    assert history.compiled
    assert history.compile_seconds > history.seconds
    torch.testing.assert_close(numbers(fast), numbers(plain), rtol=1e-4, atol=1e-5)
