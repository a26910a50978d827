"""Texts: words or characters as numbers; the vocabulary is that of the training texts."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from bicameral.data.dataset import Dataset, Kind, Layout
from bicameral.data.preprocessing.contract import Framer, Preprocessing
from bicameral.errors import DataError

PADDING, UNKNOWN, NUM_RESERVED = 0, 1, 2
WORD = re.compile(r"\w+|[^\w\s]")
# ends of words that change neither how their neighbours are divided nor how they are written in small letters
END = re.compile(r"[\s,;!?()\"\u3001\u3002\uff0c\uff01\uff1f\u2014]")
LONGEST = 1000  # characters without such an end that a stream holds back
MAX_LENGTH = 512  # tokens of a text that are read, unless somebody says otherwise
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

    def framer(self, num_streams: int) -> Framer:
        return TextFramer(self, num_streams)


class TextFramer(Framer):
    """A piece is some characters of each text, (k,) of str; a word comes out when it has ended.

    Nothing is cut behind `max_length`. More than LONGEST characters without a blank are cut.
    """

    axes, shape, dtype = 0, "str", object

    def __init__(self, preprocessing: TextPreprocessing, num_streams: int):
        self.preprocessing, self.pending = preprocessing, [""] * num_streams

    def push(self, piece: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not all(isinstance(more, str) for more in piece):
            raise DataError(f"pieces of text were {list(piece)!r}; expected str")
        complete = []
        for row, more in zip(rows.tolist(), piece, strict=True):
            ended, self.pending[row] = self._ended(self.pending[row] + more)
            complete.append(ended)
        return self._side_by_side(complete, rows)

    def rest(self, fresh: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the words that only wait for their end, and to a text without any the unknown one."""
        tokens = [split(pending, self.preprocessing.tokens) for pending in self.pending]
        for row in fresh:
            tokens[row] = tokens[row] or [""]
        return self._side_by_side(tokens, np.arange(len(tokens)))

    def reset(self, rows: np.ndarray) -> None:
        for row in rows:
            self.pending[row] = ""

    def state(self) -> dict[str, np.ndarray]:
        return {"pending": np.frombuffer(json.dumps(self.pending).encode(), np.uint8)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.pending = json.loads(state["pending"].tobytes())

    def _ended(self, text: str) -> tuple[list[str], str]:
        """Return the tokens that no further character can change, and the text behind them."""
        if self.preprocessing.tokens == "characters":
            return list(text), ""
        tokens, start = [], 0
        while end := first_end(text, start):
            tokens += split(text[start:end], "words")
            start = end
        return tokens, text[start:]

    def _side_by_side(
        self, tokens: list[list[str]], rows: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the first token of every text that has one, then the second, ..."""
        numbers = self.preprocessing.numbers
        for place in range(max(map(len, tokens), default=0)):
            longer = [text for text, found in enumerate(tokens) if len(found) > place]
            yield (
                np.array([numbers.get(tokens[text][place], UNKNOWN) for text in longer], np.int64),
                rows[longer],
            )


def fit_text(
    dataset: Dataset,
    rows: np.ndarray,
    *,
    tokens: Literal["auto", "words", "characters"] = "auto",
    min_count: int = 2,
    max_vocabulary: int = 20_000,
    max_length: int = MAX_LENGTH,
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


def first_end(text: str, start: int) -> int:
    """Return where the first words behind `start` that no further character can change end, or 0."""
    found = END.search(text, start, start + LONGEST)
    if found:
        return found.end()
    return start + LONGEST if len(text) - start >= LONGEST else 0


def frequent(pieces: list[list[str]], min_count: int, limit: int) -> tuple[str, ...]:
    """Return the tokens seen `min_count` times or more, most frequent first, ties by alphabet."""
    counts = Counter(token for piece in pieces for token in piece)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(token for token, count in ranked if count >= min_count)[:limit]
