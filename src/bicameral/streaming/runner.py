"""A network run frame by frame: what `Network.forward` does along time, unrolled."""

import copy
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bicameral import registry
from bicameral.data.views import AXES, PATTERNS
from bicameral.errors import ConfigError
from bicameral.kernels.gated import Packed
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import Entry
from bicameral.streaming.memory import Memory
from bicameral.tasks.answering import some_weight
from bicameral.tasks.network import Network
from bicameral.tasks.roll_out import RollOut

GIVES = ("steps", "frames", "next")  # something for every frame


class Runner:
    """A copy of a trained network, so that nobody trains it on while a stream runs."""

    def __init__(self, network: Network):
        check_streamable(network.entry)
        self.network, self.task = _settled(network), network.task
        self.packed = Packed(self.network)  # nobody else has this copy, and nobody writes to it
        self.backbone, self.head = cast(Recurrent, self.network.backbone), self.network.head
        weight = some_weight(self.network)
        self.dtype, self.device = weight.dtype, weight.device
        kind, form = network.layout.kind, network.entry.reads
        self.read_as_is = kind != "text" and PATTERNS[kind][form] == AXES[kind]
        self.needed = self.task.needed  # frames before there is an answer
        self.pooled = not (self.task.per_step or isinstance(self.head, RollOut))
        self.targets = torch.tensor(self.task.anchors, dtype=torch.int64, device=self.device)

    def begin(self, num_streams: int) -> Memory:
        """The memory before the first frame."""
        layout = self.network.layout
        dtype = np.int64 if layout.vocabulary else np.float32
        x = self._tensor(np.zeros((num_streams, *layout.shape[1:]), dtype))
        x_t = self._read(x)
        state, y = self.backbone.initial_state(x_t), self._kept(self.backbone.output_like(x_t))
        frames = torch.zeros(num_streams, 1, dtype=torch.float64, device=self.device)
        total = y.double() if self.pooled else frames[:, :0]
        return Memory(state, frames, y, total, self._start(x))

    def advance(self, memory: Memory, frames: np.ndarray) -> Memory:
        """Take in one prepared frame of every stream."""
        x = self._tensor(frames)
        x_t = self._read(x)
        with self.packed:
            y, state = self.backbone.step(x_t, memory.state)
        y = self._kept(y)
        total = memory.total + y if self.pooled else memory.total
        return Memory(state, memory.frames + 1, y, total, self._start(x))

    def outputs(self, memory: Memory) -> Tensor:
        """The network's outputs (b, *task.output_shape) after the frames so far."""
        if isinstance(self.head, RollOut):
            with self.packed:
                return self.head.ahead(self.backbone, memory.y, memory.state)
        if not self.pooled:
            return self.head(memory.y)
        mean = (memory.total / memory.frames).to(self.dtype)
        output = self.head(torch.cat([memory.y, mean], -1)).unflatten(-1, self.task.output_shape)
        return self.task.anchored(output, memory.x) if self.task.anchors else output

    def _tensor(self, frames: np.ndarray) -> Num[Tensor, "b ..."]:
        x = torch.from_numpy(frames).to(self.device)
        return x.to(self.dtype) if x.is_floating_point() else x

    def _read(self, x: Num[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return x if self.read_as_is else self.network.read(x.unsqueeze(1))[0].squeeze(1)

    def _kept(self, y_t: Float[Tensor, "b d *hw"]) -> Float[Tensor, "b d ..."]:
        """The step itself, or the mean of its map, as the pooling takes it."""
        return y_t.flatten(2).mean(2) if self.pooled and y_t.dim() > 2 else y_t

    def _start(self, x: Num[Tensor, "b ..."]) -> Num[Tensor, "b ..."]:
        """What of a prepared frame a forecast starts from."""
        return x.index_select(1, self.targets) if len(self.targets) else x.new_empty(len(x), 0)


def check_streamable(entry: Entry) -> None:
    """Refuse a model that cannot answer before it has seen the end, and name some that can."""
    if not streamable(entry):
        refused = f"{entry.name} ({entry.family}) cannot be streamed"
        raise ConfigError(f"{refused}: {_reason(entry)}; {_those_that_can()}")


def streamable(entry: Entry) -> bool:
    """Whether a registered model runs frame by frame."""
    return issubclass(entry.cls, Recurrent) and entry.gives in GIVES


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
