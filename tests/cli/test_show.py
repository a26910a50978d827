"""What is printed: strict JSON and straight columns."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bicameral.cli.show import show_json, show_table


@dataclass
class Pair:
    """Any dataclass."""

    a: float
    b: Path


def test_json_is_strict(capsys):
    value = {"nan": float("nan"), "inf": np.inf, "array": np.array([1.0, np.nan]), "pair": Pair(1, Path("x"))}
    show_json(value | {3: {"t": (1, 2)}})
    assert json.loads(capsys.readouterr().out) == {
        "nan": None,
        "inf": None,
        "array": [1.0, None],
        "pair": {"a": 1, "b": "x"},
        "3": {"t": [1, 2]},
    }


def test_columns_are_straight_and_numbers_stand_right(capsys):
    show_table(("name", "score"), [("a", 0.5), ("longer", 12)])
    assert capsys.readouterr().out == "name    score\na         0.5\nlonger     12\n"


def test_missing_cells_are_dashes(capsys):
    show_table(("name", "score"), [("a", None)])
    assert capsys.readouterr().out == "name  score\na     -\n"
