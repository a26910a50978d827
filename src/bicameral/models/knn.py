"""Nearest neighbours: the mean answer of the training examples that lie nearest.

Cover and Hart 1967, doi 10.1109/TIT.1967.1053964. Of standardised values; nearer ones weigh more; how many
there are is chosen by leaving out folds.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bicameral.nn.answers import AnswerConfig, Loss, Targets, best, logits
from bicameral.nn.fitted_buffers import FittedBuffers
from bicameral.nn.flat import flatten_frames
from bicameral.nn.masking import Lengths
from bicameral.registry import model

COUNTS = (1, 3, 5, 10, 20)
ROWS = 256  # whose distances are computed at once


@model(
    "knn",
    config=AnswerConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1109/TIT.1967.1053964",
    sizes={"default": {}},
    fitted="fit",
    kinds=("image", "clip", "sound", "series"),
    numbers=True,
)
class KNN(FittedBuffers):
    """Keeps all training examples."""

    examples: Float[Tensor, "n e"]
    answers: Float[Tensor, "n k"]
    mean: Float[Tensor, " e"]
    scale: Float[Tensor, " e"]
    num_neighbours: Tensor

    def __init__(self, shape: tuple[int, ...], config: AnswerConfig):
        super().__init__()
        self.width, self.question, self.num_frames = config.num_outputs, config.question, shape[0]
        size = shape[0] * shape[1]
        self.register_buffer("examples", torch.zeros(1, size))
        self.register_buffer("answers", torch.zeros(1, self.width))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("num_neighbours", torch.tensor(1))

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        x = (flatten_frames(x, lengths, self.num_frames) - self.mean) * self.scale
        return self._answered(torch.cdist(x, self.examples), int(self.num_neighbours))

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Targets, loss: Loss,
        folds: Int[np.ndarray, " n"],
    ) -> None:  # fmt: skip
        """Keep the examples; take the number of neighbours that answers best for folds left out."""
        x = flatten_frames(x, lengths, self.num_frames)
        spread = x.std(0, correction=0)
        self.mean = x.mean(0)
        self.scale = torch.where(spread > 0, 1 / spread, 0.0)
        self.examples = (x - self.mean) * self.scale
        self.answers = torch.from_numpy(targets).to(x)
        counts = [count for count in COUNTS if count < len(x)] or [1]
        if len(counts) > 1:
            found = self._left_out(torch.from_numpy(folds), counts)
            self.num_neighbours.fill_(
                best(counts, lambda count: loss(found[counts.index(count)], np.arange(len(x))))
            )

    def _left_out(self, folds: Tensor, counts: list[int]) -> Float[Tensor, "c n k"]:
        """What each number of neighbours answers without the example's own fold."""
        found = []
        for rows in torch.arange(len(folds)).split(ROWS):
            distance = torch.cdist(self.examples[rows], self.examples)
            distance = distance.masked_fill(folds[rows, None] == folds, torch.inf)
            found.append(torch.stack([self._answered(distance, count) for count in counts]))
        return torch.cat(found, 1)

    def _answered(self, distance: Float[Tensor, "b n"], count: int) -> Float[Tensor, "b k"]:
        nearest, places = distance.topk(min(count, len(self.answers)), largest=False)
        weight = 1 / (nearest + 1e-6 + 0.1 * nearest[:, :1])
        share = (weight[..., None] * self.answers[places]).sum(1) / weight.sum(1, keepdim=True)
        return logits(share, self.question, 1 / count)
