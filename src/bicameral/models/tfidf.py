"""Words, pairs of words and runs of letters within words, weighed by how rare they are, under a linear map.

Salton and Buckley 1988, doi 10.1016/0306-4573(88)90021-0, by scikit-learn: support vectors or logistic
regression, each class against the rest. Of texts read as characters, runs of up to five, ends marked.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch import Tensor

from bicameral.nn.answers import AnswerConfig, Loss, best, best_scale
from bicameral.nn.fitted_buffers import FittedBuffers
from bicameral.nn.masking import Lengths, valid_frames
from bicameral.registry import model

LETTERS, WORDS = 5, 2  # of the longest run
EDGE = 2**20  # stands before and behind a text of characters
ODD = -7046029254386353131  # 2^64 over the golden ratio: products modulo 2^64 keep runs apart
MOST_RUNS = 2**19  # of words, or of characters; the rarest are left out
FEW_CLASSES = 6  # logistic regression is tried too
CANDIDATES = (("svm", 0.3), ("svm", 0.1), ("svm", 1.0), ("logistic", 10.0))


@model(
    "tfidf",
    config=AnswerConfig,
    family="baseline",
    reads="sequence",
    gives="answer",
    paper="https://doi.org/10.1016/0306-4573(88)90021-0",
    sizes={"default": {}},
    fitted="fit",
    kinds=("text",),
)
class TFIDF(FittedBuffers):
    """(1 + log count) log(texts / texts with it), each kind of run scaled to length one, times a matrix.

    `keys` are the runs of tokens, sorted; `places`, up to the `ends` of each token, its runs of letters.
    """

    table: Float[Tensor, "f k"]
    rarity: Float[Tensor, " f"]
    bias: Float[Tensor, " k"]
    keys: Int[Tensor, " w"]
    places: Int[Tensor, " p"]
    ends: Int[Tensor, " v"]

    def __init__(self, shape: tuple[int, ...], config: AnswerConfig):  # noqa: ARG002
        super().__init__()
        self.width = config.num_outputs
        self.register_buffer("bias", torch.zeros(self.width))
        self.register_buffer("table", torch.zeros(1, self.width))
        self.register_buffer("rarity", torch.zeros(1))
        for name in ("keys", "places", "ends"):
            self.register_buffer(name, torch.zeros(int(name == "keys"), dtype=torch.int64))

    @property
    def spelled(self) -> bool:
        """Whether tokens are words whose letters are known."""
        return len(self.ends) > 0

    def forward(self, x: Float[Tensor, "b t d"], lengths: Lengths = None) -> Float[Tensor, "b k"]:
        logits = self.bags(x, lengths) @ self.table.double().cpu().numpy()
        return torch.from_numpy(logits).to(self.bias) + self.bias

    def spell(self, vocabulary: Sequence[str], num_reserved: int) -> None:
        """Take the letters of each token, after so many without; single characters have none to take."""
        if all(len(token) < 2 for token in vocabulary):
            return
        runs = [list(letter_runs(token)) for token in vocabulary]
        counts = Counter(chain.from_iterable(map(set, runs)))
        number = {run: place for place, (run, _) in enumerate(counts.most_common(MOST_RUNS))}
        places = [[number[run] for run in found if run in number] for found in runs]
        self.places = torch.tensor(list(chain.from_iterable(places)), dtype=torch.int64)
        self.ends = torch.tensor([0] * num_reserved + [len(found) for found in places]).cumsum(0)

    def bags(self, x: Float[Tensor, "n t d"], lengths: Lengths) -> csr_array:
        """The weighed runs of each text (n f)."""
        tokens, inside = self._tokens(x.cpu(), lengths)
        words = self._of_tokens(tokens, inside)
        blocks = [words, self._of_letters(tokens, inside)] if self.spelled else [words]
        rarity = np.split(self.rarity.double().cpu().numpy(), [len(self.keys)])
        weighed = [_weighed(*pair) for pair in zip(blocks, rarity, strict=False)]
        bags: Any = hstack(weighed, format="csr")
        places, ends = bags.indices.astype(np.int32), bags.indptr.astype(np.int32)  # what solvers take
        return csr_array((bags.data, places, ends), bags.shape)

    def fit(
        self, x: Float[Tensor, "n t d"], lengths: Lengths, targets: Bool[np.ndarray, "n k"], loss: Loss,
        folds: Int[np.ndarray, " n"],
    ) -> None:  # fmt: skip
        """Fit to texts; classifier, penalty and scale of the logits are those that suit a fold left out."""
        tokens, inside = self._tokens(x.cpu(), lengths)
        runs = torch.cat([keys[valid] for keys, valid in self._runs(tokens, inside)])
        keys, counts = runs.unique(return_counts=True)
        kept = counts.argsort(descending=True, stable=True)[:MOST_RUNS]
        self.keys = keys[kept].sort().values.to(self.keys.device)
        blocks = [
            self._of_tokens(tokens, inside),
            *([self._of_letters(tokens, inside)] if self.spelled else []),
        ]
        seen = np.concatenate([np.diff(block.tocsc().indptr) for block in blocks])
        self.rarity = torch.from_numpy(np.log((1 + len(x)) / (1 + seen)) + 1).to(self.bias)
        bags = self.bags(x, lengths)
        rest, left = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
        found = [_Try(*CANDIDATES[0], 1.0, np.inf)]
        for kind, penalty in CANDIDATES if len(left) and len(rest) else ():
            if kind == "svm" or self.width <= FEW_CLASSES:
                table, bias = _fitted(bags[rest], targets[rest], kind, penalty)
                output = torch.from_numpy(bags[left] @ table + bias)
                scale = best_scale(output, left, loss)
                found.append(_Try(kind, penalty, scale, loss(scale * output, left)))
        chosen = best(found, lambda one: one.loss)
        table, bias = _fitted(bags, targets, chosen.kind, chosen.penalty)
        self.table = torch.from_numpy(chosen.scale * table).to(self.bias)
        self.bias.copy_(torch.from_numpy(chosen.scale * bias))

    def _tokens(self, x: Tensor, lengths: Lengths) -> tuple[Int[Tensor, "n t"], Bool[Tensor, "n t"]]:
        """Tokens, with an edge before and behind where they are characters; and which are there."""
        ends = torch.full((len(x),), x.shape[1]) if lengths is None else lengths.cpu()
        inside = valid_frames(ends, x.shape[1])
        tokens = x[..., 0].masked_fill(~inside, 0).long()
        if self.spelled:
            return tokens, inside
        edge = torch.full((len(x), 1), EDGE)
        tokens = torch.cat([edge, tokens, torch.zeros_like(edge)], 1).scatter(1, ends[:, None] + 1, edge)
        return tokens, valid_frames(ends + 2, tokens.shape[1])

    def _runs(self, tokens: Tensor, inside: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Numbers of the runs of each length, and which of them are there."""
        number = tokens + 1
        for before in range(WORDS if self.spelled else LETTERS):
            if before:
                number = number[:, :-1] * ODD + tokens[:, before:] + 1
            yield number, inside[:, before:]

    def _of_tokens(self, tokens: Tensor, inside: Tensor) -> csr_array:
        """How often each text has each run of tokens (n w)."""
        rows, places = [], []
        for keys, valid in self._runs(tokens, inside):
            row, column = valid.nonzero(as_tuple=True)
            found = keys[row, column]
            place = torch.searchsorted(self.keys.cpu(), found).clamp(max=len(self.keys) - 1)
            known = self.keys.cpu()[place] == found
            rows.append(row[known])
            places.append(place[known])
        return _counts(torch.cat(rows), torch.cat(places), (len(tokens), len(self.keys)))

    def _of_letters(self, tokens: Tensor, inside: Tensor) -> csr_array:
        """How often each text has each run of letters (n l): those of its words."""
        rows, columns = inside.nonzero(as_tuple=True)
        words = _counts(rows, tokens[rows, columns], (len(tokens), len(self.ends)))
        width = int(self.places.max()) + 1
        begin = np.concatenate([[0], self.ends.cpu().numpy()])
        spelled = csr_array((np.ones(begin[-1]), self.places.cpu().numpy(), begin), (len(self.ends), width))
        return csr_array(words @ spelled)


class _Try(NamedTuple):
    kind: str
    penalty: float
    scale: float
    loss: float


def letter_runs(word: str) -> Iterator[str]:
    """Every run of letters of a word between blanks; one of a word shorter than the run, once."""
    word = f" {word} "
    for length in range(1, LETTERS + 1):
        yield from (word[start : start + length] for start in range(max(1, len(word) - length + 1)))
        if len(word) <= length:
            return


def _counts(rows: Tensor, places: Tensor, shape: tuple[int, int]) -> csr_array:
    counted = csr_array((np.ones(len(rows)), (rows.numpy(), places.numpy())), shape)
    counted.sum_duplicates()
    return counted


def _weighed(counts: Any, rarity: Float[np.ndarray, " f"]) -> csr_array:
    """Logarithms of counts times rarity, each row of length one."""
    value = (1 + np.log(counts.data)) * rarity[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(rows, value**2, counts.shape[0])).clip(np.finfo(float).tiny)
    return csr_array((value / length[rows], counts.indices, counts.indptr), counts.shape)


def _fitted(bags: csr_array, targets: Bool[np.ndarray, "n k"], kind: str, penalty: float) -> tuple:
    """Matrix (f k) and bias (k): each class against the rest, of two that exclude each other one."""
    if targets.shape[1] == 2 and (targets[:, 0] != targets[:, 1]).all():
        weight, bias = _against_the_rest(bags, targets[:, 1], kind, penalty)
        return np.stack([-weight, weight], 1), np.array([-bias, bias])
    parts = [_against_the_rest(bags, target, kind, penalty) for target in targets.T]
    return np.stack([part[0] for part in parts], 1), np.array([part[1] for part in parts])


def _against_the_rest(
    bags: csr_array, target: np.ndarray, kind: str, penalty: float
) -> tuple[np.ndarray, float]:
    if target.all() or not target.any():
        return np.zeros(cast(Any, bags).shape[1]), 1.0 if target.all() else -1.0
    classifier: Any = (
        LinearSVC(C=penalty) if kind == "svm" else LogisticRegression(C=penalty, solver="liblinear")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a looser optimum answers as well
        classifier.set_params(random_state=0, tol=1e-3).fit(bags, target)
    return classifier.coef_[0], float(classifier.intercept_[0])
