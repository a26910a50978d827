"""A network run frame by frame: what `Network.forward` does along time, unrolled."""

import copy
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bicameral import registry
from bicameral.errors import ConfigError
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import Entry
from bicameral.streaming.memory import Memory
from bicameral.tasks.forecast import Forecast
from bicameral.tasks.network import Network

POOLED = ("steps", "frames")  # what a recurrence may give, so that its last and its mean step can be kept


class Runner:
    """A copy of a trained network, so that nobody trains it on while a stream runs."""

    def __init__(self, network: Network):
        check_streamable(network)
        self.network = _settled(network)
        self.task, self.backbone = network.task, cast(Recurrent, self.network.backbone)
        weight = next(self.network.parameters(), torch.empty(0))
        self.dtype, self.device = weight.dtype, weight.device
        forecast = self.task if isinstance(self.task, Forecast) else None
        self.needed = forecast.lookback if forecast else 1  # frames before there is an answer
        self.targets = torch.tensor(forecast.channels if forecast else (), device=self.device)

    def begin(self, num_streams: int) -> Memory:
        """The memory before the first frame."""
        layout = self.network.layout
        dtype = np.int64 if layout.vocabulary else np.float32
        x_t = self.read(np.zeros((num_streams, *layout.shape[1:]), dtype))
        state = self.backbone.initial_state(x_t)
        y = self._vector(self.backbone.output_like(x_t))
        count = torch.zeros(num_streams, 1, dtype=torch.float64, device=self.device)
        return Memory(state, y, y.double(), count, y.new_zeros(num_streams, len(self.targets)))

    def read(self, frames: np.ndarray) -> Num[Tensor, "b ..."]:
        """Prepared frames as the backbone reads them."""
        return self._viewed(self._tensor(frames))

    def advance(self, memory: Memory, frames: np.ndarray) -> Memory:
        """Take in one prepared frame of every stream."""
        x = self._tensor(frames)
        y, state = self.backbone.step(self._viewed(x), memory.state)
        y = self._vector(y)
        target = x.index_select(1, self.targets) if len(self.targets) else memory.x
        return Memory(state, y, memory.total + y, memory.frames + 1, target)

    def outputs(self, memory: Memory) -> Tensor:
        """The network's outputs (b, *task.output_shape) after the frames so far."""
        mean = (memory.total / memory.frames).to(self.dtype)
        output = self.network.head(torch.cat([memory.y, mean], -1)).unflatten(-1, self.task.output_shape)
        if not isinstance(self.task, Forecast):
            return output
        start = memory.x.unsqueeze(1)
        return output + (start.unsqueeze(-1) if self.task.quantiles else start)

    def _tensor(self, frames: np.ndarray) -> Tensor:
        x = torch.from_numpy(frames).to(self.device)
        return x.to(self.dtype) if x.is_floating_point() else x

    def _viewed(self, x: Tensor) -> Tensor:
        return self.network.read(x.unsqueeze(1))[0].squeeze(1)

    def _vector(self, y: Float[Tensor, "b d *hw"]) -> Float[Tensor, "b d"]:
        return y.flatten(2).mean(2) if self.network.entry.gives == "frames" else y


def check_streamable(network: Network) -> None:
    """Refuse a model that cannot answer before it has seen the end, and name some that can."""
    entry = network.entry
    if not streamable(entry):
        raise ConfigError(
            f"{entry.name} ({entry.family}) cannot be streamed: {_reason(entry)}; {_those_that_can()}"
        )


def streamable(entry: Entry) -> bool:
    """Whether a registered model runs frame by frame."""
    return issubclass(entry.cls, Recurrent) and entry.gives in POOLED


def _reason(entry: Entry) -> str:
    if entry.gives == "forecast":
        return "it forecasts from the whole look-back at once and carries no state from step to step"
    return "what it says of a step depends on the steps after it, so it has to see the whole input"


def _those_that_can() -> str:
    families: dict[str, list[str]] = {}
    for entry in filter(streamable, registry.entries()):
        families.setdefault(entry.family, []).append(entry.name)
    return "these can: " + "; ".join(f"{family}: {', '.join(names)}" for family, names in families.items())


def _settled(network: Network) -> Network:
    """An evaluating copy whose weights are plain tensors, not computed from others at every frame."""
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for module in filter(parametrize.is_parametrized, list(network.modules())):
        weights = {name: getattr(module, name) for name in cast(nn.ModuleDict, module.parametrizations)}
        # Not by remove_parametrizations: it takes the weight from the class, which the original shares.
        module.__class__ = parametrize.type_before_parametrizations(module)
        del module.parametrizations
        for name, weight in weights.items():
            module.register_parameter(name, nn.Parameter(weight, requires_grad=False))
    return network
