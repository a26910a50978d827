"""Streams answered as they come in: each is an example of which the end is not yet known."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bicameral.data.preprocessing import Preprocessing
from bicameral.errors import ArtifactError, ConfigError, DataError
from bicameral.streaming import saved
from bicameral.streaming.answer import Answer
from bicameral.streaming.memory import Memory, from_tensors, pick, put, to_tensors
from bicameral.streaming.runner import Runner
from bicameral.tasks.network import Network
from bicameral.tasks.task import Task

Rows = Sequence[int] | np.ndarray | None  # numbers of streams; None: all
NOBODY = np.empty(0, np.int64)


class Stream:
    """Raw data in, answers out: after every piece the answer is `predict` on all that came before it.

    A piece is a row of a series (d,), some samples of a sound (n,), some characters of a text, or a frame
    of a clip (c h w); of several streams side by side, along a first axis.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing, task: Task, num_streams: int = 1):
        if num_streams < 1:
            raise ConfigError(f"num_streams is {num_streams}; expected at least 1")
        self.num_streams, self.preprocessing, self.task = num_streams, preprocessing, task
        self._framer, self._runner = preprocessing.framer(num_streams), Runner(network)
        self._everyone = np.arange(num_streams)
        self.reset()

    def step(self, x_t: Any, rows: Rows = None) -> Answer:
        """Take in the next piece of every stream, or of the streams `rows`, and answer those."""
        self.feed(x_t, rows)
        return self.answer(rows)

    @torch.inference_mode()
    def feed(self, x_t: Any, rows: Rows = None) -> None:
        """Take in the next piece without answering."""
        chosen = self._chosen(rows)
        for frames, which in self._framer.push(self._pieces(x_t, len(chosen)), chosen):
            self._memory = self._advanced(self._memory, frames, which)

    @torch.inference_mode()
    def answer(self, rows: Rows = None) -> Answer:
        """Answer as if the data ended here, an unfinished word or window included; the streams go on."""
        memory, chosen = self._memory, self._chosen(rows)
        for frames, which in self._framer.rest(self._fresh()):
            memory = self._advanced(memory, frames, which)
        if self._waiting:
            chosen = chosen[memory.frames[chosen, 0].cpu().numpy() >= self._runner.needed]
        if chosen is not self._everyone:
            memory = pick(memory, self._index(chosen))
        return Answer(self.task, self.preprocessing, chosen, self._runner.outputs(memory))

    @torch.inference_mode()
    def reset(self, rows: Rows = None) -> None:
        """Begin every stream anew, or the streams `rows`."""
        chosen, begun = self._chosen(rows), self._runner.begin(self.num_streams)
        self._framer.reset(chosen)
        if rows is not None:
            which = self._index(chosen)
            begun = put(self._memory, which, pick(begun, which))
        self._memory, self._waiting = begun, True

    @property
    def frames(self) -> list[int]:
        """Frames that each stream has taken in since it began."""
        return self._memory.frames[:, 0].long().tolist()

    def state_dict(self) -> dict[str, Tensor]:
        """Everything a stream carries, by name."""
        pending = {f"pending.{name}": torch.tensor(part) for name, part in self._framer.state().items()}
        return to_tensors(self._memory) | pending

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on where a stream with that state stopped, to the same bits."""
        self._memory, self._waiting = from_tensors(self._memory, tensors), True
        self._framer.restore({name: tensors[f"pending.{name}"].numpy() for name in self._framer.state()})

    def save(self, path: str | Path) -> None:
        """Write the state to one file; an older one there is replaced only when the new one is whole."""
        saved.write(Path(path), self.state_dict(), self._identity())

    def load(self, path: str | Path) -> None:
        """Go on where a saved stream stopped; one of another artifact is refused."""
        tensors, facts = saved.read(Path(path))
        for name, value in self._identity().items():
            if facts.get(name) != value:
                there = f"{name} {facts.get(name)}, here it is {value}"
                raise ArtifactError(f"{path} was saved with {there}; delete it to begin anew")
        if missing := self.state_dict().keys() - tensors.keys():
            raise ArtifactError(f"{path} lacks {', '.join(sorted(missing))}; delete it to begin anew")
        self.load_state_dict(tensors)

    def _advanced(self, memory: Memory, frames: np.ndarray, rows: np.ndarray) -> Memory:
        if rows is self._everyone or np.array_equal(rows, self._everyone):
            return self._runner.advance(memory, frames)
        which = self._index(rows)
        return put(memory, which, self._runner.advance(pick(memory, which), frames))

    def _fresh(self) -> np.ndarray:
        """The streams without a frame; once all have had enough of them, nobody looks again."""
        if not self._waiting:
            return NOBODY
        count = self._memory.frames[:, 0].cpu().numpy()
        self._waiting = bool((count < self._runner.needed).any())
        return np.flatnonzero(count == 0)

    def _pieces(self, x_t: Any, num_rows: int) -> np.ndarray:
        """The next pieces as an array with the streams along its first axis."""
        axes = self._framer.axes
        try:
            with np.errstate(over="ignore"):  # beyond float32 is infinite, as when a file is read
                pieces = np.asarray(x_t, self._framer.dtype)
        except (TypeError, ValueError) as error:
            raise DataError(f"a piece cannot be read as numbers: {error}") from error
        if pieces.ndim == axes and num_rows == 1:
            return pieces[None]
        if pieces.ndim != axes + 1 or len(pieces) != num_rows:
            expected = f"expected {self._framer.shape} of each"
            raise DataError(f"shape {pieces.shape} was given for {num_rows} streams; {expected}")
        return pieces

    def _chosen(self, rows: Rows) -> np.ndarray:
        if rows is None:
            return self._everyone
        chosen = np.asarray(rows, np.int64)
        if len(np.unique(chosen)) != len(rows) or not np.isin(chosen, self._everyone).all():
            expected = f"different numbers from 0 to {self.num_streams - 1}"
            raise ConfigError(f"rows are {list(rows)}; expected {expected}")
        return chosen

    def _index(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(rows).to(self._runner.device)

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a state to mean the same."""
        digest = hashlib.sha256(json.dumps([self.preprocessing.to_dict(), self.task.to_dict()]).encode())
        for name, weight in self._runner.network.state_dict().items():
            digest.update(name.encode() + weight.cpu().numpy().tobytes())
        return {"artifact": digest.hexdigest()[:16], "num_streams": self.num_streams}
