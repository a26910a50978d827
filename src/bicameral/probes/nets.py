"""The smallest network of each bias: a grid reader, a sequence reader, and the controls that see neither."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.masking import last_valid, masked_mean
from bicameral.probes.material import Material

WIDTH, EMBEDDING, KERNELS = 32, 32, (5, 3, 3)


class Net(nn.Module):
    """Embeds tokens, reduces an example to one vector, answers the task; subclasses give `vector`."""

    width: int

    def __init__(self, material: Material):
        super().__init__()
        self.kind, self.shape = material.kind, material.task.output_shape
        tokens = material.kind == "text"
        self.embedding = nn.Embedding(material.vocabulary, EMBEDDING) if tokens else nn.Identity()
        example = (*material.train.x.shape[1:], *([EMBEDDING] if tokens else []))
        self.read_like(example)
        self.head = nn.Linear(self.width, math.prod(self.shape))

    def read_like(self, example: tuple[int, ...]) -> None:
        """Build the layers for examples of this shape."""
        raise AssertionError(f"{type(self).__name__} has no layers for {example}")

    def vector(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Embedded examples -> (b, width)."""
        raise AssertionError(f"{type(self).__name__} reads nothing like {x.shape}, {lengths}")

    def forward(self, x: Tensor, lengths: Tensor | None = None, anchor: Tensor | None = None) -> Tensor:
        """Examples -> outputs (b, *task.output_shape)."""
        output = self.head(self.vector(self.embedding(x), lengths)).unflatten(-1, self.shape)
        return output if anchor is None else output + anchor.reshape(anchor.shape + (1,) * (output.ndim - 3))


class CNN(Net):
    """Three convolutions over the space of pictures, the time and bands of sounds, the time of sequences."""

    def read_like(self, example: tuple[int, ...]) -> None:
        self.planar = self.kind in ("image", "clip", "sound")
        conv, self.pool = (
            (nn.Conv2d, functional.max_pool2d) if self.planar else (nn.Conv1d, functional.max_pool1d)
        )
        channels = 1 if self.kind == "sound" else example[-3] if self.planar else example[-1]
        widths = (channels, WIDTH // 2, WIDTH, WIDTH)
        self.convs = nn.ModuleList(
            conv(a, b, k, padding=k // 2) for (a, b), k in zip(pairwise(widths), KERNELS, strict=True)
        )
        # few enough cells that a permuted picture cannot be learned place by place
        self.cells = max(1, min(4, min(example[-2:]) // 8)) if self.kind == "image" else 1
        self.width = WIDTH * self.cells**2

    def maps(self, x: Tensor) -> Tensor:
        """Embedded examples -> the last map (b c ...); of a clip, each frame's."""
        x = x[:, None] if self.kind == "sound" else x if self.planar else x.mT
        for number, conv in enumerate(self.convs):
            x = functional.relu(conv(x))
            if number < 2 and min(x.shape[2 if self.planar else -1 :]) >= 4:
                x = self.pool(x, 2)
        return x

    def vector(self, x: Tensor, lengths: Tensor | None) -> Tensor:  # noqa: ARG002  padding is seen, as zeros
        if self.kind == "image":
            return functional.adaptive_avg_pool2d(self.maps(x), self.cells).flatten(1)
        if self.kind == "clip":
            return self.maps(x.flatten(0, 1)).mean((2, 3)).unflatten(0, x.shape[:2]).mean(1)
        return self.maps(x).flatten(2).mean(2)


class MLP(Net):
    """All values of an example at once: no order of inputs is special to it."""

    def read_like(self, example: tuple[int, ...]) -> None:
        self.width = 128
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(example), self.width), nn.ReLU())

    def vector(self, x: Tensor, lengths: Tensor | None) -> Tensor:  # noqa: ARG002  padding is seen, as zeros
        return self.layers(x)


class GRU(Net):
    """A recurrence over steps."""

    def read_like(self, example: tuple[int, ...]) -> None:
        self.cell = nn.GRU(math.prod(example[1:]), WIDTH, batch_first=True)
        self.width = 2 * WIDTH

    def vector(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        y = self.cell(x.flatten(2))[0]
        return torch.cat([last_valid(y, lengths), masked_mean(y, lengths)], -1)


class Window(Net):
    """Reads the last `context` steps at once, at every step: what lies further apart never meets."""

    def __init__(self, material: Material, context: int):
        self.context = context
        super().__init__(material)

    def read_like(self, example: tuple[int, ...]) -> None:
        self.width = 2 * WIDTH
        self.look = nn.Conv1d(math.prod(example[1:]), WIDTH, self.context)
        self.mix = nn.Linear(WIDTH, WIDTH)

    def vector(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        steps = functional.pad(x.flatten(2).mT, (self.context - 1, 0))
        y = functional.relu(self.mix(functional.relu(self.look(steps)).mT))
        return torch.cat([last_valid(y, lengths), masked_mean(y, lengths)], -1)


class Bag(Net):
    """Looks at every step alone and averages: it cannot know the order."""

    def read_like(self, example: tuple[int, ...]) -> None:
        self.width = 2 * WIDTH
        self.layers = nn.Sequential(
            nn.Linear(math.prod(example[1:]), self.width),
            nn.ReLU(),
            nn.Linear(self.width, self.width),
            nn.ReLU(),
        )

    def vector(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        return masked_mean(self.layers(x.flatten(2)), lengths)


NETS: dict[str, Callable[[Material], Net]] = {"cnn": CNN, "mlp": MLP, "gru": GRU, "bag": Bag}


def build(name: str, material: Material, context: int | None) -> Net:
    """A fresh network by name; a window needs its `context` in steps."""
    return NETS[name](material) if context is None else Window(material, context)
