"""The next `horizon` frames of a clip."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral import registry
from bicameral.data.dataset import Dataset, Kind
from bicameral.data.examples.windows import windows
from bicameral.data.preprocessing import Preprocessing, fit_preprocessing
from bicameral.data.preprocessing.statistics import sampled
from bicameral.registry import Entry
from bicameral.tasks import metrics, options
from bicameral.tasks.ahead import Ahead, AheadOptions, is_to_come, shortest_of
from bicameral.tasks.errors import Errors
from bicameral.tasks.metrics import Metric
from bicameral.tasks.roll_out import RollOut, can_continue
from bicameral.tasks.ssim import similarities

ROPE_SHARE = 0.01  # of the error of always answering the mean of all frames
MOST_FRAMES = 10  # in and out, where nobody says otherwise
MOST_LOOKED_AT = 64  # clips, for the range of their values


@dataclass(frozen=True, kw_only=True)
class FramesOptions(AheadOptions):
    """What is asked of clips."""

    pixels: int | None = options.option(options.PIXELS)
    threshold: float | None = options.option(options.NUMBER)


@registry.task
@dataclass(frozen=True, kw_only=True)
class NextFrames(Ahead):
    """Trained in z-space; judged and decoded in the units of the data, where bytes are [0, 1].

    Output (b, horizon, c, h, w). Missing pixels of the truth, NaN, count neither in the loss nor in a metric.
    """

    name: ClassVar[str] = "next_frames"
    Options: ClassVar = FramesOptions
    augmentations: ClassVar = ()  # the frames that follow would have to change too
    lookback: int
    horizon: int
    frame: tuple[int, int, int]  # channels, height, width
    mean: tuple[float, ...]  # of each channel
    deviation: tuple[float, ...]
    low: float  # the range of the training values
    high: float
    bounded: bool  # no value lies outside the range: bytes
    threshold: float  # what counts as an event: rain
    metric: str = "mse"

    def __post_init__(self) -> None:
        self._check_spans()
        metrics.check_metric(self.metric, self.table)

    @classmethod
    def asks(cls, dataset: Dataset) -> bool:
        return dataset.kind == "clip" and is_to_come(dataset)

    @classmethod
    def read_options(cls, dataset: Dataset, given: Mapping[str, Any]) -> options.Options:
        asked = options.read_options(FramesOptions, dataset.kind, given)
        if asked.horizon and asked.lookback:
            return asked
        shortest = shortest_of(dataset)
        horizon = asked.horizon or max(1, min(MOST_FRAMES, shortest // 2))
        lookback = asked.lookback or max(1, min(MOST_FRAMES, shortest - horizon))
        return replace(asked, horizon=horizon, lookback=lookback)

    @classmethod
    def fit_preprocessing(cls, dataset: Dataset, train: np.ndarray, asked: Any) -> Preprocessing:  # noqa: ARG003
        """Keep every frame at its size, as the truth is kept."""
        look = dataset.items[0]
        return fit_preprocessing(dataset, train, frames=len(look), size=max(look.shape[-2:]))

    @classmethod
    def fitted(
        cls, dataset: Dataset, train: np.ndarray, preprocessing: Any, asked: FramesOptions
    ) -> "NextFrames":
        """The task, with the range and the threshold that the training rows suggest."""
        looks = list(sampled(dataset.items, train, MOST_LOOKED_AT))
        is_bytes = looks[0].dtype == np.uint8
        above = np.add(preprocessing.mean, preprocessing.deviation).mean()
        shown = {key: asked.given[key] for key in ("lookback", "horizon", "metric") if key in asked.given}
        return cls(
            frame=looks[0].shape[1:],
            mean=preprocessing.mean,
            deviation=preprocessing.deviation,
            low=0.0 if is_bytes else float(min(np.nanmin(look) for look in looks)),
            high=1.0 if is_bytes else float(max(np.nanmax(look) for look in looks)),
            bounded=bool(is_bytes),
            threshold=float(above if asked.threshold is None else asked.threshold),
            **shown,
        )

    @classmethod
    def unfit(cls, entry: Entry, kind: Kind) -> str:
        if can_continue(entry):
            return ""
        return super().unfit(entry, kind) or "cannot continue clips"

    @classmethod
    def instead(cls, kind: Kind) -> str:  # noqa: ARG003
        able = [entry.name for entry in registry.entries() if can_continue(entry)]
        return f"choose from {', '.join(able)}"

    def reading(self) -> dict[str, Any]:
        return {"answer": "next", "kind": "clip"}

    def to_judge(self, dataset: Dataset) -> Dataset:
        """Every window of a clip."""
        if dataset.targets is not None:
            return dataset
        return windows(dataset, lookback=self.lookback, horizon=self.horizon, pixels=max(self.frame[1:]))

    def head(self, backbone: Any, entry: Entry, width: int) -> nn.Module:  # noqa: ARG002
        return nn.Identity() if entry.gives == "forecast" else RollOut(backbone, self.frame, self.horizon)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.horizon, *self.frame)

    @property
    def table(self) -> Mapping[str, Metric]:
        """`mse` and `mae` are sums over the pixels of a frame, as papers on Moving MNIST give them."""
        pixels, spread = self.frame[1] * self.frame[2], np.asarray(self.deviation)
        squared, absolute = ROPE_SHARE * float((spread**2).sum()), ROPE_SHARE * float(spread.sum())
        return {
            "mse": _mean("squared_error", rope=squared * pixels),
            "mae": _mean("absolute_error", rope=absolute * pixels),
            "pixel_mse": metrics.ratio_of("squared_error", "known", higher_is_better=False, rope=squared),
            "pixel_mae": metrics.ratio_of("absolute_error", "known", higher_is_better=False, rope=absolute),
            "ssim": Metric(lambda kept: _quotient(kept["similarity"]), ("similarity",)),
            "csi": Metric(lambda kept: _quotient(kept["events"]), ("events",), percent=True),
        }

    @property
    def kept(self) -> Mapping[str, metrics.Statistic]:
        """Of each clip and frame ahead (n, horizon): sums over known pixels, and how many they are.

        similarity  (n, horizon, 2): its sum over windows, and their number
        events      (n, horizon, 2): hits; hits, misses and false alarms
        """
        span = max(self.high - self.low, 1e-12)
        return {
            "squared_error": lambda p, y: _of_a_frame((p - y) ** 2),
            "absolute_error": lambda p, y: _of_a_frame(abs(p - y)),
            "known": lambda p, y: np.isfinite(y).sum((2, 3, 4)),  # noqa: ARG005
            "similarity": lambda p, y: similarities(p, y, span).sum(2),
            "events": lambda p, y: _events(p, y, self.threshold),
        }

    def loss(
        self,
        output: Tensor,
        y: Tensor,
        *,
        smoothing: float = 0.0,  # noqa: ARG002
        class_weights: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        y = self.standardise(y)
        known = y.isfinite()
        return (output - torch.where(known, y, output)).square().sum() / known.sum().clamp(min=1)

    def loss_weight(self, y: Float[Tensor, "b t c h w"], class_weights: Tensor | None = None) -> float:  # noqa: ARG002
        return float(y.isfinite().sum())

    def standardise(self, y: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t c h w"]:
        """Frames in the units of the data -> with the training part's mean 0 and deviation 1."""
        return (y.float() - self._of_channels(y, self.mean)) / self._of_channels(y, self.deviation)

    def raw(self, output: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t c h w"]:
        """Network outputs in the units of the data."""
        frames = output * self._of_channels(output, self.deviation) + self._of_channels(output, self.mean)
        return frames.clamp(self.low, self.high) if self.bounded else frames

    def values(self, output: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return self.raw(output).numpy(), y.numpy()

    def outcomes(self, statistics: metrics.Statistics) -> np.ndarray:
        """Minus the squared error of a frame, summed over its pixels."""
        return -statistics["squared_error"].mean(1)

    def by_step(self, prediction: np.ndarray, truth: np.ndarray) -> list[float]:
        """The headline metric of each frame ahead, of `values`."""
        kept = self.statistics_of(prediction, truth, self.headline.needs)
        return [
            self.headline.compute({name: values[:, [ahead]] for name, values in kept.items()})
            for ahead in range(self.horizon)
        ]

    def decode(self, output: Tensor) -> list[dict[str, Any]]:
        """The frames (horizon c h w), bytes where the data were bytes."""
        frames = self.raw(output).numpy()
        shown = (255 * frames).round().astype(np.uint8) if self.bounded else frames
        return [{"frames": clip} for clip in shown]

    def errors(self, output: Tensor, y: Tensor, rows: np.ndarray) -> Errors:  # noqa: ARG002
        """The answered frames; a report shows them beside what came."""
        outcomes = self.outcomes(self.statistics(output, y, ("squared_error",)))
        return Errors(outcomes=outcomes, worst=(), facts=(), frames=self.raw(output).numpy())

    def _of_channels(self, like: Tensor, values: tuple[float, ...]) -> Float[Tensor, "c 1 1"]:
        return torch.tensor(values, dtype=torch.float32, device=like.device)[:, None, None]


def _events(prediction: np.ndarray, truth: np.ndarray, threshold: float) -> np.ndarray:
    """Of known pixels: what nowcasting's critical success index is the quotient of."""
    known = np.isfinite(truth)
    said, was = (prediction >= threshold) & known, (np.nan_to_num(truth) >= threshold) & known
    return np.stack([both.sum((2, 3, 4)) for both in (said & was, said | was)], -1)


def _of_a_frame(error: np.ndarray) -> np.ndarray:
    return np.asarray(np.nansum(error, (2, 3, 4), dtype=np.float64))


def _mean(name: str, rope: float) -> Metric:
    return metrics.mean_of(name, higher_is_better=False, rope=rope)


def _quotient(pairs: np.ndarray) -> float:
    return metrics.ratio(*pairs.reshape(-1, 2).sum(0))
