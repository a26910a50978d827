"""Continuing a clip with a recurrence over maps: it reads what is known, then its own frames."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.patches import joined
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.roll_out import roll_out
from bicameral.registry import Entry


def can_continue(entry: Entry) -> bool:
    """Whether a model gives a map for every frame, which a roll-out turns into frames, or frames at once."""
    return entry.reads == "frames" and entry.gives in ("frames", "forecast")


class FrameHead(nn.Module):
    """Maps y_t -> the next frame: a 1x1 convolution whose channels are the pixels of a cell.

    It starts at zero, the mean of all frames.
    """

    def __init__(self, backbone: Any, frame: tuple[int, int, int]):
        super().__init__()
        self.stride, self.size = backbone.stride, frame[1:]
        self.conv = nn.Conv2d(backbone.width, frame[0] * self.stride[0] * self.stride[1], 1)
        for parameter in self.conv.parameters():
            nn.init.zeros_(parameter)

    def forward(self, y_t: Float[Tensor, "b d y x"]) -> Float[Tensor, "b c h w"]:
        return joined(self.conv(y_t), self.stride, self.size)


class RollOut(nn.Module):
    """The `horizon` frames after a clip, each read before the next is predicted."""

    def __init__(self, backbone: Any, frame: tuple[int, int, int], horizon: int):
        super().__init__()
        self.next, self.horizon = FrameHead(backbone, frame), horizon

    def forward(self, backbone: Recurrent, x: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b u c h w"]:
        y, state = backbone(x)
        return self.ahead(backbone, y[:, -1], state)

    def ahead(
        self, backbone: Recurrent, y_t: Float[Tensor, "b d y x"], state: Any
    ) -> Float[Tensor, "b u c h w"]:
        """Go on from what the backbone said to the last frame, and its state after it."""
        first = self.next(y_t)
        if self.horizon == 1:
            return first.unsqueeze(1)
        later = roll_out(backbone, self.next, first, state, self.horizon - 1)
        return torch.cat([first.unsqueeze(1), later], 1)
