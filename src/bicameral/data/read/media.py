"""One true look at every file of a folder: decode it once, keep its facts, quarantine what is broken."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np

from bicameral.data.dataset import Fault
from bicameral.data.read.labels.examples import Example
from bicameral.errors import DataError, MissingExtraError
from bicameral.progress import progress_bar

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
CLIPS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".gif")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".opus")

MANY = 20_000  # from here on a look at every file takes long enough to want a bar
THREADS = 4

Facts = dict[str, float]


def inspect(
    examples: list[Example], look: Callable[[Example], Facts]
) -> tuple[list[Example], dict[str, np.ndarray], list[Fault]]:
    """Look at every example; return the sound ones, their facts as columns, and a fault for each other."""
    kept: list[Example] = []
    facts: list[Facts] = []
    faults: list[Fault] = []
    for example, found in zip(examples, _looks(examples, look), strict=True):
        if isinstance(found, str):
            faults.append(Fault(example.name, found))
        else:
            kept.append(example)
            facts.append(found)
    if not kept:
        raise DataError(_none_left(faults))
    return kept, {name: np.array([fact[name] for fact in facts]) for name in facts[0]}, faults


def _looks(examples: Sequence[Example], look: Callable[[Example], Facts]) -> Iterator[Facts | str]:
    label, count = "Looking at every file", len(examples)
    bar_or_nothing = progress_bar(label, count) if count > MANY else nullcontext()
    with ThreadPoolExecutor(THREADS) as pool, bar_or_nothing as bar, warnings.catch_warnings():
        # a decoder that warns has met a file that is not whole
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        for found in pool.map(lambda example: _look(example, look), examples):
            if bar is not None:
                bar.advance()
            yield found


def _look(example: Example, look: Callable[[Example], Facts]) -> Facts | str:
    if any(blob.size == 0 for blob in example.blobs):
        return "empty file (0 bytes)"
    size = sum(blob.size for blob in example.blobs)
    modified = max(blob.modified for blob in example.blobs)
    try:
        return {"bytes": size, "modified": modified} | look(example)
    except MissingExtraError:
        raise
    except DataError as error:
        return str(error)
    except Exception as error:  # decoders raise whatever their format suggested to them
        return f"truncated or broken: {error}"


def _none_left(faults: list[Fault]) -> str:
    first = f"; the first is {faults[0].where}: {faults[0].what}" if faults else ""
    return f"none of the {len(faults)} files can be used{first}"
