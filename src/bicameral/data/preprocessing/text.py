"""Texts: words or characters as numbers; the vocabulary is that of the training texts."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from bicameral.data.dataset import Dataset, Kind, Layout
from bicameral.data.preprocessing.contract import Preprocessing

PADDING, UNKNOWN, NUM_RESERVED = 0, 1, 2
WORD = re.compile(r"\w+|[^\w\s]")
FEW_WORDS = 3  # names and labels, read as characters

Tokens = Literal["words", "characters"]


@dataclass(frozen=True, kw_only=True)
class TextPreprocessing(Preprocessing):
    """str -> int64 (t,): 0 is padding, 1 is unknown, vocabulary[i] is i + 2; an empty text is unknown."""

    kind: ClassVar[Kind] = "text"
    tokens: Tokens
    vocabulary: tuple[str, ...]  # most frequent first
    max_length: int  # tokens
    truncated: int  # training texts longer than that

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each known token."""
        return {token: number for number, token in enumerate(self.vocabulary, NUM_RESERVED)}

    @property
    def layout(self) -> Layout:
        return Layout("text", (self.max_length,), len(self.vocabulary) + NUM_RESERVED)

    def __call__(self, item: str) -> np.ndarray:
        tokens = split(item, self.tokens)[: self.max_length]
        return np.array([self.numbers.get(token, UNKNOWN) for token in tokens] or [UNKNOWN], np.int64)


def fit_text(
    dataset: Dataset,
    rows: np.ndarray,
    *,
    tokens: Literal["auto", "words", "characters"] = "auto",
    min_count: int = 2,
    max_vocabulary: int = 20_000,
    max_length: int = 512,
) -> TextPreprocessing:
    """Fit on the texts `rows`; 99 % of them are kept whole where `max_length` allows."""
    texts = [dataset.items[int(row)] for row in rows]
    unit = granularity(texts) if tokens == "auto" else tokens
    pieces = [split(text, unit) for text in texts]
    lengths = np.array([len(piece) for piece in pieces])
    kept = max(1, min(max_length, int(np.ceil(np.percentile(lengths, 99)))))
    return TextPreprocessing(
        tokens=unit,
        vocabulary=frequent(pieces, min_count, max_vocabulary - NUM_RESERVED),
        max_length=kept,
        truncated=int((lengths > kept).sum()),
    )


def granularity(texts: list[str]) -> Tokens:
    """Return characters where half of the texts have a few words at most, else words."""
    return "characters" if np.median([len(text.split()) for text in texts]) <= FEW_WORDS else "words"


def split(text: str, tokens: Tokens) -> list[str]:
    """Split into lower-case words and punctuation marks, or into characters as they are."""
    return WORD.findall(text.lower()) if tokens == "words" else list(text)


def frequent(pieces: list[list[str]], min_count: int, limit: int) -> tuple[str, ...]:
    """Return the tokens seen `min_count` times or more, most frequent first, ties by alphabet."""
    counts = Counter(token for piece in pieces for token in piece)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(token for token, count in ranked if count >= min_count)[:limit]
