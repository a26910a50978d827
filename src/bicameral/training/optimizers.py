"""Recipe -> torch optimiser, in its fastest form."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from bicameral.nn.recurrent import Recurrent
from bicameral.training.distributed import is_sharded, scatter_like
from bicameral.training.recipe import Recipe

SLOW_RATE = 1e-3  # of parameters that a module calls slow, at most


def build_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """Return the optimiser over groups with and without weight decay, and one that learns slowly."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = _groups(network, trained, recipe)
    rate, kernel = recipe.learning_rate, _kernel(trained)
    if recipe.optimizer == "sgd":
        return SGD(groups, rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, **kernel)
    if recipe.optimizer == "rmsprop":
        return RMSprop(groups, rate, momentum=recipe.momentum, foreach=True)
    cls = {"adam": Adam, "adamw": AdamW}[recipe.optimizer]
    return cls(groups, rate, betas=(recipe.momentum, 0.999), **kernel)


def _groups(network: nn.Module, trained: list[nn.Parameter], recipe: Recipe) -> list[dict[str, Any]]:
    """Matrices decay; what a module names in `slow`, such as poles of a recurrence, is handled with care."""
    slow = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, Recurrent)
        for name, parameter in module.named_parameters(recurse=False)
        if name in module.slow
    }
    usual = [parameter for parameter in trained if id(parameter) not in slow]
    careful = [parameter for parameter in trained if id(parameter) in slow]
    share = min(1.0, SLOW_RATE / recipe.learning_rate)  # of the rate of the others
    groups = [
        {"params": [p for p in usual if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in usual if p.ndim <= 1], "weight_decay": 0.0},
        {"params": careful, "weight_decay": 0.0, "share": share},
    ]
    return [group for group in groups if group["params"]]


def _kernel(parameters: list[nn.Parameter]) -> dict[str, bool]:
    # Measured on a CPU: fused is 3 to 4 times faster than foreach and 3 to 6 times than the plain loop.
    # It knows neither sharded nor half-precision weights.
    plain = all(
        parameter.dtype in (torch.float32, torch.float64) and not is_sharded(parameter)
        for parameter in parameters
    )
    return {"fused": True} if plain else {"foreach": True}


def flatten(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """State of the optimiser as tensors and as plain numbers, both by "parameter.name"."""
    tensors, numbers = {}, {}
    for parameter, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            (tensors if isinstance(value, Tensor) else numbers)[f"{parameter}.{name}"] = value
    return tensors, numbers


def restore(optimizer: Optimizer, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
    """Put back what `flatten` gave."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **numbers}.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            value = scatter_like(parameter, value)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
