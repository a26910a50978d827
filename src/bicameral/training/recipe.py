"""How a network is trained: every setting of the loop, checked once."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bicameral.errors import ConfigError, nearest

_CHOICES: dict[str, tuple[Any, ...]] = {
    "optimizer": ("adamw", "adam", "sgd", "rmsprop"),
    "schedule": ("constant", "cosine", "linear", "one-cycle", "step"),
    "class_weights": ("none", "balanced"),
    "precision": ("float32", "bf16"),
    "compile": (True, False, "auto"),
    "parallel": ("ddp", "fsdp2"),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of one training run; the defaults are a sound start for small and middling networks."""

    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.9  # sgd and rmsprop; first beta of adam and adamw
    weight_decay: float = 0.01  # matrices and kernels only: never biases, norms or other 1-D parameters
    schedule: str = "cosine"
    warmup: float = 0.05  # share of the budget in which the learning rate rises; one-cycle brings its own
    clip: float | None = 1.0  # largest norm of the whole gradient
    ema: float | None = None  # decay of the moving average of the weights, which is then what is kept
    smoothing: float = 0.0  # of labels
    class_weights: str = "none"
    augment: bool | tuple[str, ...] = (
        False  # the defaults of data/augment/ for the kind, or names from its menu
    )
    precision: str = "float32"
    compile: bool | str = "auto"
    batch_size: int = 64
    patience: int | None = None  # validations in a row without a better score
    restore_best: bool = True  # leave the weights with the best validation score, not the last
    fresh_batchnorm: bool = False  # running statistics anew, on the training part, before each validation
    parallel: str = "ddp"  # under torchrun: whole copies, or sharded weights

    def __post_init__(self) -> None:
        for name, options in _CHOICES.items():
            _check_choice(name, getattr(self, name), options)
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)


_RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-12, 1e3),
    "momentum": (0.0, 0.9999),
    "weight_decay": (0.0, 1e3),
    "warmup": (0.0, 0.9),
    "clip": (1e-12, float("inf")),
    "ema": (0.0, 0.999999),
    "smoothing": (0.0, 0.99),
    "batch_size": (1.0, 2.0**31),
    "patience": (1.0, 2.0**31),
}
_WHOLE = ("batch_size", "patience")
_MAY_BE_NONE = ("clip", "ema", "patience")


def recipe_from_dict(settings: Mapping[str, Any]) -> Recipe:
    """Build a recipe from `field=value` settings, naming an unknown field and the nearest known one."""
    known = {field.name for field in dataclasses.fields(Recipe)}
    for key in settings:
        if key not in known:
            raise ConfigError(f"no Recipe field called {key!r}{nearest(key, known)}")
    lists = {key: tuple(value) for key, value in settings.items() if isinstance(value, list)}  # from JSON
    return Recipe(**{**settings, **lists})


def _check_choice(name: str, value: Any, options: tuple[Any, ...]) -> None:
    if value not in options:
        raise ConfigError(f"{name} cannot be {value!r}{nearest(str(value), map(str, options))}")


def _check_range(name: str, value: Any, low: float, high: float) -> None:
    if value is None and name in _MAY_BE_NONE:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} is a number, not {value!r}")
    if not low <= value <= high:
        raise ConfigError(f"{name} lies between {low:g} and {high:g}, not {value:g}")
    if name in _WHOLE and value != int(value):
        raise ConfigError(f"{name} is a whole number, not {value:g}")
