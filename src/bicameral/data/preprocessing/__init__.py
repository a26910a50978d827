"""Preprocessing, one file a kind: fitted on training examples only, saved as JSON, never pickled."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from bicameral.data.dataset import Dataset, Kind
from bicameral.data.preprocessing.clip import ClipPreprocessing, fit_clip
from bicameral.data.preprocessing.contract import Preprocessing
from bicameral.data.preprocessing.image import ImagePreprocessing, fit_image
from bicameral.data.preprocessing.series import SeriesPreprocessing, fit_series
from bicameral.data.preprocessing.sound import SoundPreprocessing, fit_sound
from bicameral.data.preprocessing.text import TextPreprocessing, fit_text
from bicameral.errors import ConfigError, DataError, nearest

__all__ = ["Preprocessing", "fit_preprocessing", "preprocessing_from_dict"]

KINDS: dict[Kind, tuple[type[Preprocessing], Callable[..., Preprocessing]]] = {
    "image": (ImagePreprocessing, fit_image),
    "clip": (ClipPreprocessing, fit_clip),
    "sound": (SoundPreprocessing, fit_sound),
    "text": (TextPreprocessing, fit_text),
    "series": (SeriesPreprocessing, fit_series),
}


def fit_preprocessing(dataset: Dataset, rows: Sequence[int] | np.ndarray, **options: Any) -> Preprocessing:
    """Fit the preprocessing of the dataset's kind on the examples `rows` and on nothing else."""
    if not len(rows):
        raise DataError(f"no training examples of {dataset.name!r} to fit the preprocessing on")
    fit = KINDS[dataset.kind][1]
    _check_options(dataset.kind, fit, options)
    return fit(dataset, np.asarray(rows), **options)


def preprocessing_from_dict(values: Mapping[str, Any]) -> Preprocessing:
    """Build again what `to_dict` wrote."""
    given = dict(values)
    kind = given.pop("kind", "nothing")
    if kind not in KINDS:
        raise ConfigError(f"no preprocessing for the kind {kind!r}{nearest(kind, KINDS)}")
    cls = KINDS[kind][0]
    _same_fields(cls, given)
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _same_fields(cls: type[Preprocessing], given: Mapping[str, Any]) -> None:
    known = {field.name for field in fields(cls)}
    for name in given.keys() - known:
        raise ConfigError(f"no {cls.__name__} field called {name!r}{nearest(name, known)}")
    if missing := known - given.keys():
        raise ConfigError(f"{cls.__name__} lacks {', '.join(sorted(missing))}; save the artifact again")


def _check_options(kind: Kind, fit: Callable[..., Preprocessing], options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(fit).parameters.values()
    known = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name, value in options.items():
        if name not in known:
            hint = nearest(name, known) if known else "; it takes none"
            raise ConfigError(f"no {kind} preprocessing option called {name!r}{hint}")
        if name == "tokens":
            if value not in ("auto", "words", "characters"):
                raise ConfigError(f"tokens={value!r}{nearest(str(value), ('auto', 'words', 'characters'))}")
        elif not isinstance(value, int | float) or value <= 0:
            raise ConfigError(f"{name}={value!r}; expected a positive number")
