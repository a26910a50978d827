"""Preprocessing of what is to be continued: nothing cut off, nothing scaled."""

from dataclasses import replace

import numpy as np

from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import Unit
from bicameral.data.preprocessing.contract import Preprocessing
from bicameral.data.preprocessing.series import SeriesPreprocessing
from bicameral.data.preprocessing.text import fit_text


def fit_continued(dataset: Dataset, rows: np.ndarray, *, context: int, unit: Unit) -> Preprocessing:
    """Fit on the segments `rows`: their vocabulary, of characters every one, of words those seen twice."""
    if dataset.kind == "text":
        fitted = fit_text(dataset, rows, tokens=unit, min_count=1 if unit == "characters" else 2)
        return replace(fitted, max_length=context + 1, truncated=0)
    width = len(dataset.columns)
    zeros, ones = (0.0,) * width, (1.0,) * width
    return SeriesPreprocessing(longest=context + 1, marked=(), mean=zeros, deviation=ones)
