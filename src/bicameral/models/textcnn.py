"""Convolution over words, the largest value over time.

Kim 2014, arXiv 1408.5882. Differs: one channel of embeddings, learned elsewhere; convolutions are padded, so
that texts shorter than a kernel have a value too; dropout belongs to the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.models import require_counts, require_fractions
from bicameral.nn.masking import Lengths, masked_max, require_frames, zero_padding
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class TextCNNConfig:
    """How many kernels of which lengths."""

    width: int = 100  # feature maps of each kernel length
    kernels: Sequence[int] = (3, 4, 5)  # words under each kernel
    dropout: float = 0.5  # of the features, before the head

    def __post_init__(self) -> None:
        require_counts(self, "width")
        require_fractions(self, "dropout")


@model(
    "textcnn",
    config=TextCNNConfig,
    family="convolutional",
    reads="line",
    gives="vector",
    paper="https://arxiv.org/abs/1408.5882",
    sizes={"small": {"width": 25}, "medium": {"width": 50}, "large": {"width": 100}},
)
class TextCNN(nn.Module):
    """One convolution per kernel length, ReLU, maximum over time."""

    def __init__(self, shape: tuple[int, ...], config: TextCNNConfig):
        super().__init__()
        self.kernels, self.width = config.kernels, config.width * len(config.kernels)
        self.convs = nn.ModuleList(nn.Conv1d(shape[0], config.width, kernel) for kernel in self.kernels)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "b c t"], lengths: Lengths = None) -> Float[Tensor, "b d"]:
        require_frames(x, axis=2)
        x = zero_padding(x, lengths, axis=2)
        maps = []
        for conv, kernel in zip(self.convs, self.kernels, strict=True):
            maps.append(conv(functional.pad(x, ((kernel - 1) // 2, kernel // 2))).relu())
        return self.dropout(masked_max(torch.cat(maps, 1).transpose(1, 2), lengths))
