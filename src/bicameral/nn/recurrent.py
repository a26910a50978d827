"""Contract 1: what runs along time. The laws it obeys are in `bicameral.testing`."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths, Resets, valid_frames, zero_padding

S = TypeVar("S")


class Recurrent(nn.Module, Generic[S]):
    """A layer with a state. A subclass gives `initial_state` and at least one of `step` and `scan`.

    The state is a Tensor, a NamedTuple of Tensors or a tuple of such; the batch is its first axis.
    A `scan` with a fourth argument, `resets`, starts afresh where they say so; for any other, every document
    becomes a row.
    """

    width: int  # of y_t
    takes_resets: ClassVar[bool] = False
    slow: ClassVar[tuple[str, ...]] = ()  # parameters to be learned at a low rate, such as poles

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.takes_resets = "resets" in inspect.signature(cls.scan).parameters

    def initial_state(self, x_t: Float[Tensor, "b *d"]) -> S:
        """Return the state before the first frame, sized for a batch like `x_t`."""
        raise NotImplementedError(f"{type(self).__name__} has no initial_state")

    def output_like(self, x_t: Float[Tensor, "b *d"]) -> Float[Tensor, "b *e"]:
        """Return zeros shaped like y_t, for the `initial_state` of a layer above."""
        return x_t.new_zeros(x_t.shape[0], self.width)

    def step(self, x_t: Float[Tensor, "b *d"], state: S) -> tuple[Float[Tensor, "b *e"], S]:
        """Take one frame: a scan of one."""
        y, state = self.scan(x_t.unsqueeze(1), state, None)
        return y.squeeze(1), state

    def scan(
        self, x: Float[Tensor, "b t *d"], state: S, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t *e"], S]:
        """Take the whole sequence: the fold of `step`; a row that has ended keeps its state."""
        outputs = []
        for t in range(x.shape[1]):
            y_t, new = self.step(x[:, t], state)
            state = new if lengths is None else _where(t < lengths, new, state)
            outputs.append(y_t)
        return torch.stack(outputs, 1), state

    @final
    def forward(
        self,
        x: Float[Tensor, "b t *d"],
        state: S | None = None,
        *,
        lengths: Lengths = None,
        resets: Resets = None,
    ) -> tuple[Float[Tensor, "b t *e"], S]:
        """Return the outputs and the state after the last valid frame; padding is zero in and out."""
        frame = x[:, 0] if x.shape[1] else x.new_zeros(x.shape[0], *x.shape[2:])
        before: S = self.initial_state(frame) if state is None else state
        if 0 in x.shape[:2]:  # no rows, or nothing to read
            y_t = self.output_like(frame)
            return y_t.unsqueeze(1).expand(-1, x.shape[1], *y_t.shape[1:]), before
        x = zero_padding(x, lengths)
        if resets is None:
            y, after = self.scan(x, before, lengths)
        else:
            scan: Any = self.scan if self.takes_resets else self._scan_rows_of_documents
            y, after = scan(x, before, lengths, zero_padding(resets, lengths))
        return zero_padding(y, lengths), after

    def _scan_rows_of_documents(
        self, x: Float[Tensor, "b t *d"], state: S, lengths: Lengths, resets: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t *e"], S]:
        """Give every document a row of its own; what stands before the first reset goes on from `state`."""
        num_rows, num_frames = resets.shape
        end = torch.full((num_rows,), num_frames, device=x.device) if lengths is None else lengths
        row, begin = _starts(resets).nonzero(as_tuple=True)
        last = row != torch.cat([row[1:], row.new_full((1,), num_rows)])
        sizes = torch.where(last, end[row], begin.roll(-1)) - begin
        frame = begin[:, None] + torch.arange(int(sizes.max()), device=x.device)
        documents = x[row[:, None], frame.clamp(max=num_frames - 1)]
        new, old = self.initial_state(x[row, begin]), map_state(lambda part: part[row], state)
        y, states = self.forward(documents, _where(resets[row, begin], new, old), lengths=sizes)
        outputs = y.new_zeros(num_rows, num_frames, *y.shape[2:])
        outputs[valid_frames(end, num_frames)] = y[valid_frames(sizes, y.shape[1])]
        return outputs, map_state(lambda part: part[last], states)


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """Apply `function` to the corresponding tensors of states of one structure."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    parts = [map_state(function, *corresponding) for corresponding in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def _where(active: Tensor, new: S, old: S) -> S:
    def choose(new: Tensor, old: Tensor) -> Tensor:
        return torch.where(active.view(-1, *[1] * (new.dim() - 1)), new, old)

    return map_state(choose, new, old)


def _starts(resets: Bool[Tensor, "b t"]) -> Bool[Tensor, "b t"]:
    return torch.cat([torch.ones_like(resets[:, :1]), resets[:, 1:]], 1)
