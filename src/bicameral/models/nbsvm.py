"""Bags of n-grams weighed by naive Bayes, under a linear classifier: what a reader of texts has to beat.

Wang and Manning 2012, "Baselines and Bigrams", aclanthology.org/P12-2018. Differs: logistic regression
instead of the SVM, as in Mesnil et al. 2014, arXiv 1412.5335; every text is scaled to length one; weights are
not interpolated; n-grams of a single text are left out; each class stands against the rest.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import embedding_bag

from bicameral.models import require_counts
from bicameral.nn.fitted_buffers import FittedBuffers
from bicameral.nn.masking import Lengths, require_frames, valid_frames
from bicameral.registry import model

LONGEST, FAMILIAR = 6, 0.5  # by default n-grams are as long as half of them stand in other texts too
ODD = -7046029254386353131  # 2^64 over the golden ratio: products modulo 2^64 keep n-grams apart
NONE = torch.iinfo(torch.int64).max  # where no n-gram stands
MOST_PLACES = 2**24  # texts times their length; of more texts some are fitted to, evenly spread
MOST_WEIGHTS = 2**23  # n-grams times classes; beyond it rare n-grams are left out
PENALTIES = (1.0, 4.0, 16.0)  # scikit-learn's C
SCALES = tuple(np.logspace(-1, 1, 21).tolist())  # of logits
HELD_OUT = 5  # one training text in so many chooses penalty and scale

Loss = Callable[[Float[Tensor, "n k"], Int[np.ndarray, " n"]], float]


@dataclass(frozen=True, kw_only=True)
class NBSVMConfig:
    """How long the n-grams are."""

    order: int | None = None  # tokens of the longest; None: by the texts, about 2 words or 6 characters
    num_outputs: int = 2  # classes; the task fills it in

    def __post_init__(self) -> None:
        require_counts(self, "num_outputs", *([] if self.order is None else ["order"]))


@model(
    "nbsvm",
    config=NBSVMConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://aclanthology.org/P12-2018",
    sizes={"default": {}},
    fitted="fit",
    kinds=("text",),
)
class NBSVM(FittedBuffers):
    """z_k = bias_k + sum_f w_kf r_kf / |r_k| over the n-grams f of a text, r_k their log-count ratios.

    Frames hold one number, the token. The row of an n-gram in `table`, r_k^2 and w_k r_k of every class, is
    its place among the sorted `keys`; the last row, of zeroes, is that of n-grams never seen.
    """

    order: Tensor
    keys: Tensor
    table: Tensor
    bias: Tensor

    def __init__(self, shape: tuple[int, ...], config: NBSVMConfig):  # noqa: ARG002
        super().__init__()
        self.width, self.wanted = config.num_outputs, config.order
        self.register_buffer("order", torch.tensor(config.order or LONGEST))
        self.register_buffer("keys", torch.full((1,), NONE))
        self.register_buffer("table", torch.zeros(2, 2 * self.width))
        self.register_buffer("bias", torch.zeros(self.width))

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        require_frames(x)
        found = torch.cat(list(n_grams(x, lengths, int(self.order))), 1)
        place = torch.searchsorted(self.keys, found).clamp(max=len(self.keys) - 1)
        place = place.where(self.keys[place] == found, len(self.keys))
        size, total = embedding_bag(place, self.table, mode="sum").chunk(2, 1)
        return total / size.sqrt().clamp(min=torch.finfo(size.dtype).tiny) + self.bias

    def fit(
        self,
        x: Float[Tensor, "n t d"],
        lengths: Lengths,
        targets: Bool[np.ndarray, "n k"],
        loss: Loss,
        folds: Int[np.ndarray, " n"] | None = None,  # noqa: ARG002  every fifth text of a class
    ) -> None:
        """Fit to texts and their classes.

        loss  of logits for the texts of these numbers; some texts are held out, and it chooses by them
        """
        rows = np.arange(0, len(x), 1 + x.shape[:2].numel() // MOST_PLACES)
        found = n_grams(x[rows], None if lengths is None else lengths[rows], self.wanted or LONGEST)
        levels = _levels(found, fixed=self.wanted is not None)
        self.order.fill_(len(levels))
        self.keys = _frequent(levels, MOST_WEIGHTS // self.width).to(self.bias.device)
        bags, targets = _bags(levels, self.keys.cpu(), len(rows)), targets[rows]
        del levels  # much larger than what is kept of them
        penalty, scale = _choose(bags, targets, lambda logits, some: loss(logits, rows[some]))
        size, total, bias = _fit(bags, targets, penalty)
        table = np.pad(np.concatenate([size, scale * total], 1), ((0, 1), (0, 0)))
        self.table = torch.from_numpy(table).to(self.table)
        self.bias.copy_(torch.from_numpy(scale * bias))


def n_grams(x: Float[Tensor, "b t d"], lengths: Lengths, order: int) -> Iterator[Int[Tensor, "b m"]]:
    """The different n-grams of each text as numbers, length after length; NONE fills the rows."""
    if lengths is None:
        lengths = torch.full((len(x),), x.shape[1], device=x.device)
    inside = valid_frames(lengths, x.shape[1])
    tokens = x[..., 0].masked_fill(~inside, 0).long() + 1
    number = tokens
    for before in range(order):
        if before:
            number = number[:, :-1] * ODD + tokens[:, before:]
        found = number.masked_fill(~inside[:, before:], NONE).sort(1).values
        again = found[:, 1:] == found[:, :-1]
        found[:, 1:].masked_fill_(again, NONE)
        yield found


class _Level(NamedTuple):
    """The n-grams of one length."""

    rows: Int[Tensor, " m"]  # of each n-gram in a text: the number of the text
    keys: Int[Tensor, " m"]  # and of the n-gram
    common: Int[Tensor, " f"]  # what stands in more than one text
    counts: Int[Tensor, " f"]  # and in how many


def _levels(found: Iterable[Int[Tensor, "n m"]], *, fixed: bool) -> list[_Level]:
    """Length after length, as long as the order is fixed or most n-grams stand in other texts too."""
    levels = []
    for grams in found:
        rows, places = (grams != NONE).nonzero(as_tuple=True)
        keys = grams[rows, places]
        known, counts = keys.unique(return_counts=True)
        common = counts > 1
        if levels and not fixed and counts[common].sum() <= FAMILIAR * len(keys):
            break
        levels.append(_Level(rows, keys, known[common], counts[common]))
    return levels


def _frequent(levels: list[_Level], most: int) -> Int[Tensor, " f"]:
    """The n-grams that stand in most texts, sorted."""
    common, counts = (torch.cat([level[part] for level in levels]) for part in (2, 3))
    kept = counts.argsort(descending=True, stable=True)[:most]
    return common[kept].sort().values if len(kept) else torch.tensor([NONE])


def _bags(levels: list[_Level], keys: Int[Tensor, " f"], num_texts: int) -> csr_array:
    """Which n-grams stand in which text (n f)."""
    found = []
    for level in levels:
        place = torch.searchsorted(keys, level.keys).clamp(max=len(keys) - 1)
        kept = keys[place] == level.keys
        found.append(torch.stack([level.rows[kept], place[kept]]).int())
    places = torch.cat(found, 1).numpy()
    return csr_array((np.ones(places.shape[1]), tuple(places)), (num_texts, len(keys)))


class _Linear(NamedTuple):
    """What an n-gram adds to the squared length of a text and to its logit, for each class."""

    size: Float[np.ndarray, "f k"]
    total: Float[np.ndarray, "f k"]
    bias: Float[np.ndarray, " k"]

    def logits(self, bags: csr_array) -> Float[np.ndarray, "n k"]:
        return bags @ self.total / _length(bags @ self.size) + self.bias


def _fit(bags: csr_array, targets: Bool[np.ndarray, "n k"], penalty: float) -> _Linear:
    if targets.shape[1] == 2 and (targets[:, 0] != targets[:, 1]).all():  # two that exclude each other
        size, total, bias = _against_the_rest(bags, targets[:, 1], penalty)
        return _Linear(np.stack([size, size], 1), np.stack([-total, total], 1), np.stack([-bias, bias]))
    classes = [_against_the_rest(bags, target, penalty) for target in targets.T]
    return _Linear(*(np.stack(parts, -1) for parts in zip(*classes, strict=True)))


def _against_the_rest(bags: csr_array, target: Bool[np.ndarray, " n"], penalty: float) -> tuple:
    """Size, total and bias of one class."""
    p, q = 1 + bags[target].sum(0), 1 + bags[~target].sum(0)
    ratio = np.log(p / p.sum()) - np.log(q / q.sum())
    if target.all() or not target.any():
        return ratio**2, 0 * ratio, np.log((1 + target.sum()) / (1 + (~target).sum()))
    linear = LogisticRegression(C=penalty, max_iter=1000).fit(_weighed(bags, ratio), target)
    return ratio**2, ratio * linear.coef_[0], linear.intercept_[0]


def _weighed(bags: csr_array, ratio: Float[np.ndarray, " f"]) -> csr_array:
    """The ratios of the n-grams of each text, scaled to length one."""
    length = np.repeat(_length(bags @ ratio**2), np.diff(bags.indptr))
    return csr_array((ratio[bags.indices] / length, bags.indices, bags.indptr), bags.shape)


def _length(squares: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    return np.sqrt(squares).clip(np.finfo(squares.dtype).tiny)


def _choose(bags: csr_array, targets: Bool[np.ndarray, "n k"], loss: Loss) -> tuple[float, float]:
    """The penalty, and the scale of the logits, that are likeliest for every fifth text of each class."""
    held_out = np.lexsort(targets.T)[HELD_OUT // 2 :: HELD_OUT]
    rest = np.setdiff1d(np.arange(len(targets)), held_out)
    found = [(np.inf, PENALTIES[0], 1.0)]  # of very few texts none is held out, and losses are NaN
    for penalty in PENALTIES:
        logits = torch.from_numpy(_fit(bags[rest], targets[rest], penalty).logits(bags[held_out]))
        found += [(loss(scale * logits, held_out), penalty, scale) for scale in SCALES]
    _, penalty, scale = min(found)
    return penalty, scale
