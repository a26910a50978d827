"""A whole network for one task: view, embedding of tokens, backbone, masked pooling, head."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Kind, Layout
from bicameral.data.views import shape_as, view_as
from bicameral.nn.masking import last_valid, masked_mean
from bicameral.registry import Entry
from bicameral.tasks.roll_out import RollOut
from bicameral.tasks.task import Task

SOUND_BANDS = 4  # kept apart when the last map of a sound is averaged over time


class Network(nn.Module):
    """The registered model `name` reading prepared examples of `layout` and answering `task`.

    overrides  fields of the model's config; `embedding` (text) is the width of a token, 64 if not given
    """

    def __init__(self, layout: Layout, task: Task, name: str, overrides: Mapping[str, Any] | None = None):
        super().__init__()
        self.layout, self.task, self.entry = layout, task, registry.entry(name)
        self.overrides = dict(overrides or {})
        fields = dict(self.overrides)
        task.check_model(self.entry, layout.kind)
        self.embedding = _embedding(layout, fields.pop("embedding", 64), self.entry)
        shape = shape_as(_dense_shape(layout, self.embedding), layout.kind, self.entry.reads)
        fields = task.model_fields(self.entry) | fields
        config = self.entry.configure(fields)
        # as the config has them: of what was given as a file, the contents
        self.overrides.update((name, getattr(config, name)) for name in overrides or () if name in fields)
        self.backbone = self.entry.build(shape, config)
        self.pool: Any = (PassVector if task.per_step else _POOLS[self.entry.gives])(
            self.backbone, self.entry, layout.kind
        )
        self.head = (
            nn.Identity() if self.entry.answers else task.head(self.backbone, self.entry, self.pool.width)
        )

    def forward(self, x: Num[Tensor, "b ..."], lengths: Int[Tensor, " b"] | None = None) -> Tensor:
        """Prepared examples -> outputs (b, *task.output_shape)."""
        if self.task.per_step:
            return self.scan(x, None, lengths)[0]
        x, units = self.task.rescaled(x, lengths)
        output = self._output(x, lengths)
        return output if units is None else units.zero + units.one * output

    def _output(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        if self.entry.gives == "forecast":
            return self.head(self._run(x, lengths)[0])
        if isinstance(self.head, RollOut):
            return self.head(self.backbone, self.read(x, lengths)[0])
        output = self.head(self.features(x, lengths)).unflatten(-1, self.task.output_shape)
        if not self.task.anchors:
            return output
        return self.task.anchored(output, last_valid(x, lengths)[:, list(self.task.anchors)])

    def scan(
        self, x: Num[Tensor, "b t *d"], state: Any, lengths: Int[Tensor, " b"] | None = None
    ) -> tuple[Float[Tensor, "b t v"], Any]:
        """An answer at every step, from the state that earlier steps left behind, or None."""
        x, lengths = self.read(x, lengths)
        y, state = self.backbone(x, state, lengths=lengths)
        return self.head(y), state

    def step(self, x_t: Num[Tensor, "b *d"], state: Any) -> tuple[Float[Tensor, "b v"], Any]:
        """The answer at one step."""
        frame = self.read(x_t[:, None])[0][:, 0]
        state = self.backbone.initial_state(frame) if state is None else state
        y, state = self.backbone.step(frame, state)
        return self.head(y), state

    def features(
        self, x: Num[Tensor, "b ..."], lengths: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b d"]:
        """Prepared examples -> one vector each, before the head."""
        return self.pool(*self._run(x, lengths))

    def read(self, x: Num[Tensor, "b ..."], lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Prepared examples as the backbone reads them."""
        if self.embedding is not None:
            x = self.embedding(x)
        elif self.layout.kind == "text":
            x = x[..., None].to(torch.get_default_dtype())  # counts are of the tokens themselves
        fixed = self.entry.source or (self.entry.gives == "vector" and self.entry.reads != "sequence")
        if fixed and self.layout.kind != "image":
            x, lengths = fit_time(x, lengths, self.layout.shape[0])
        return view_as(x, lengths, self.layout.kind, self.entry.reads)

    def _run(self, x: Tensor, lengths: Tensor | None) -> tuple[Any, Tensor | None]:
        x, lengths = self.read(x, lengths)
        return (self.backbone(x, lengths=lengths) if self.entry.takes_lengths else self.backbone(x)), lengths


def _embedding(layout: Layout, width: int, entry: Entry) -> nn.Embedding | None:
    words = layout.kind == "text" and not (entry.answers and not entry.source)
    return nn.Embedding(layout.vocabulary, width, padding_idx=0) if words else None


def _dense_shape(layout: Layout, embedding: nn.Embedding | None) -> tuple[int, ...]:
    if layout.kind != "text":
        return layout.shape
    return (*layout.shape, 1 if embedding is None else embedding.embedding_dim)


class PoolMaps(nn.Module):
    """Mean over the last map's valid positions; of a sound, over time in each of a few bands.

    What a picture shows does not depend on where; what a sound is does depend on its pitch.
    """

    def __init__(self, backbone: Any, entry: Entry, kind: Kind):  # noqa: ARG002
        super().__init__()
        self.bands = SOUND_BANDS if kind == "sound" and backbone.time_axis == 3 else 1
        self.width, self.time_axis = backbone.channels[-1] * self.bands, backbone.time_axis
        self.output_lengths = backbone.output_lengths

    def forward(
        self, maps: Float[Tensor, "b c *hw"], lengths: Int[Tensor, " b"] | None
    ) -> Float[Tensor, "b d"]:
        """Lengths are those of the input; the backbone knows how many of its frames they fill."""
        frames = maps.movedim(self.time_axis, 1).flatten(2, -1).unflatten(2, (maps.shape[1], -1))
        banded = nn.functional.adaptive_avg_pool1d(frames.flatten(0, 1), self.bands)
        frames = banded.unflatten(0, frames.shape[:2]).flatten(2)
        return masked_mean(frames, None if lengths is None else self.output_lengths(lengths))


class PoolSteps(nn.Module):
    """A recurrence gives its last and its mean step, everything else its mean step."""

    def __init__(self, backbone: Any, entry: Entry, kind: Kind):  # noqa: ARG002
        super().__init__()
        self.recurrent = entry.recurrent
        self.width = backbone.width * (2 if self.recurrent else 1)
        self.output_lengths = backbone.output_lengths if entry.shortens else None

    def forward(self, answer: Any, lengths: Int[Tensor, " b"] | None) -> Float[Tensor, "b d"]:
        """Steps (b t d), or (steps, state), -> (b d)."""
        y = answer[0] if isinstance(answer, tuple) else answer
        if self.output_lengths is not None and lengths is not None:
            lengths = self.output_lengths(lengths)
        mean = masked_mean(y, lengths)
        return torch.cat([last_valid(y, lengths), mean], -1) if self.recurrent else mean


class PoolFrames(PoolSteps):
    """The mean over the plane of the last and of the mean map."""

    def forward(self, answer: Any, lengths: Int[Tensor, " b"] | None) -> Float[Tensor, "b d"]:
        """(Frames (b t d h w), state) -> (b d)."""
        return super().forward((answer[0].mean((3, 4)),), lengths)


class PassVector(nn.Module):
    """A model that gives a vector needs no pooling."""

    def __init__(self, backbone: Any, entry: Entry, kind: Kind):  # noqa: ARG002
        super().__init__()
        self.width = backbone.width

    def forward(self, vector: Float[Tensor, "b d"], lengths: Tensor | None) -> Float[Tensor, "b d"]:  # noqa: ARG002
        """Return the vector."""
        return vector


class PassForecast(nn.Module):
    """A forecast is no vector to be pooled."""

    width = 0

    def __init__(self, backbone: Any, entry: Entry, kind: Kind):  # noqa: ARG002
        super().__init__()


_POOLS: dict[str, Callable[[Any, Entry, Kind], nn.Module]] = {
    "maps": PoolMaps,
    "steps": PoolSteps,
    "frames": PoolFrames,
    "vector": PassVector,
    "answer": PassVector,
    "forecast": PassForecast,
}


def fit_time(
    x: Float[Tensor, "b t *rest"], lengths: Int[Tensor, " b"] | None, frames: int
) -> tuple[Float[Tensor, "b frames *rest"], Int[Tensor, " b"] | None]:
    """Cut or pad time, axis 1, for a backbone of fixed size."""
    if x.shape[1] < frames and lengths is None:
        lengths = torch.full((len(x),), x.shape[1], device=x.device)
    missing = x.new_zeros(len(x), max(0, frames - x.shape[1]), *x.shape[2:])
    return torch.cat([x[:, :frames], missing], 1), None if lengths is None else lengths.clamp(max=frames)
