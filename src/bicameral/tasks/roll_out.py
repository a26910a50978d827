"""Continuing a clip with a recurrence over maps: it reads what is known, then its own frames."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.patches import joined
from bicameral.registry import Entry


def can_continue(entry: Entry) -> bool:
    """Whether a model gives a map for every frame, which a roll-out turns into frames, or frames at once."""
    return entry.reads == "frames" and entry.gives in ("frames", "forecast")


class FrameHead(nn.Module):
    """Maps y_t -> the next frame: a 1x1 convolution whose channels are the pixels of a cell."""

    def __init__(self, backbone: Any, frame: tuple[int, int, int]):
        super().__init__()
        self.stride, self.size = backbone.stride, frame[1:]
        self.conv = nn.Conv2d(backbone.width, frame[0] * self.stride[0] * self.stride[1], 1)

    def forward(self, y_t: Float[Tensor, "b d y x"]) -> Float[Tensor, "b c h w"]:
        return joined(self.conv(y_t), self.stride, self.size)


class RollOut(nn.Module):
    """The `horizon` frames after a clip, each the one before and what the head adds to it."""

    def __init__(self, backbone: Any, frame: tuple[int, int, int], horizon: int):
        super().__init__()
        self.next, self.horizon = FrameHead(backbone, frame), horizon
        nn.init.zeros_(self.next.conv.weight)
        nn.init.zeros_(self.next.conv.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, backbone: nn.Module, x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b u c h w"]:
        y, state = backbone(x)
        return self.ahead(backbone, x[:, -1], y[:, -1], state)

    def ahead(
        self, backbone: nn.Module, x_t: Float[Tensor, "b c h w"], y_t: Float[Tensor, "b d y x"], state: Any
    ) -> Float[Tensor, "b u c h w"]:
        """Go on from the last frame, what the backbone said to it and its state after it."""
        frames = [x_t + self.next(y_t)]
        while len(frames) < self.horizon:
            y, state = backbone(frames[-1].unsqueeze(1), state)
            frames.append(frames[-1] + self.next(y[:, -1]))
        return torch.stack(frames, 1)
