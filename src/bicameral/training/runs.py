"""What came of a contestant in a race."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from bicameral.training.contestants import Contestant
from bicameral.training.history import History
from bicameral.training.leading import Merit
from bicameral.training.recipe import Recipe


@dataclass(kw_only=True)
class Run:
    """A contestant, and what came of it."""

    contestant: Contestant
    network: Any = None
    output: Tensor | None = None  # answers to the validation part, as the task keeps them; None: it is out
    merit: Merit = (-np.inf, -np.inf)  # on the validation part
    pooled: Merit | None = None  # and on the training part, out of fold
    seconds: float = 0.0
    epoch: float = 0.0  # seconds that one takes, as measured beforehand; 0 where it was not
    history: History = field(default_factory=History)
    recipe: Recipe = field(default_factory=Recipe)
    note: str = ""  # why it is out, or what is special

    @property
    def solved(self) -> bool:
        """Whether it was fitted at once, or needs no fit."""
        return self.contestant.way != "trained"
