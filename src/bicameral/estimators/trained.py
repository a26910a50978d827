"""What the estimators share: one network, trained on everything it is given."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from bicameral.artifact import Artifact
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.data.split.splits import draw as draw_rows
from bicameral.errors import ConfigError, DataError
from bicameral.problems.options import asked_of
from bicameral.problems.problem import Draw
from bicameral.tasks.network import Network
from bicameral.training.best import best_network
from bicameral.training.budgets import Budget
from bicameral.training.contestants import contestants, kind_of
from bicameral.training.learn import learn
from bicameral.training.race import Race
from bicameral.training.recipe import Recipe
from bicameral.training.seeding import seeded

FEWEST = 20  # examples; below, a race would choose by three or four of them
FEW = 500  # examples up to which what is solved is judged on all of them, out of fold
MANY, SLOW = 200, ("gradient_boosting", "extra_trees")  # examples from which on what takes longer pays
VAL = 0.2  # of the examples, which choose


class Trained(BaseEstimator):
    """An estimator around an artifact, `artifact_`, which `save_pretrained` keeps."""

    model: str
    overrides: Mapping[str, Any] | None
    max_iter: int
    budget_seconds: float | None
    learning_rate: float
    batch_size: int
    random_state: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _train(
        self, dataset: Dataset, model: str | None, options: Mapping[str, Any] | None = None, *, fallback: str
    ) -> None:
        """Train the model, or whichever wins a race; `fallback` where too few examples can be divided."""
        rows = np.arange(len(dataset))
        preprocessing = fit_preprocessing(dataset, rows)
        posed, asked = asked_of(dataset, options)
        task = posed.fitted(dataset, rows, preprocessing, asked)
        seed = int(check_random_state(self.random_state).randint(2**31))
        parts = _divided(dataset, seed) if model is None else None
        if parts is None:
            with seeded(seed):
                network = Network(preprocessing.layout, task, model or fallback, self.overrides)
            self.n_iter_ = self._learn(network, Prepared(dataset, preprocessing, rows), seed)
        else:
            train, val = (Prepared(dataset, preprocessing, part) for part in parts)
            network = self._race(Draw(task, preprocessing, train, val, val), dataset, seed)
        network.double()  # so that an answer does not depend on the batch it was computed in
        self.artifact_ = Artifact(network, preprocessing, task, {"data": dataset.name, "seed": seed})

    def _race(self, draw: Draw, dataset: Dataset, seed: int) -> Any:
        """Let those that suit the data race; return the winner, fitted to all examples."""
        if self.overrides:
            raise ConfigError(f"overrides={dict(self.overrides)!r} are of one model; name it with model=")
        entered = contestants("forecast" if draw.task.overlapping else kind_of(dataset, draw.train.layout))
        recipe = {"learning_rate": self.learning_rate, "batch_size": self.batch_size}
        settings = {"budget": self._budget, "seed": seed, "recipe": {**recipe, "compile": False}, "few": FEW}
        race = Race(
            draw, [one for one in entered if one.model not in SLOW or len(dataset) >= MANY], **settings
        )
        network, winner = best_network(race)
        self.n_iter_ = max(1, round(winner.lead.history.epochs))
        self.race_ = {run.contestant.name: run.merit[0] for run in race.finished}
        return network

    def _asked(self, *names: str) -> dict[str, Any]:
        """Those of the parameters that are not the default: else the contestants' own recipes hold."""
        known = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names if getattr(self, name) != known[name].default}

    @property
    def _budget(self) -> Budget:
        if self.budget_seconds is None:
            return Budget(epochs=self.max_iter)
        return Budget(seconds=self.budget_seconds)

    def _learn(self, network: Network, examples: Prepared, seed: int) -> int:
        """Train and return the number of epochs."""
        recipe = Recipe(learning_rate=self.learning_rate, batch_size=self.batch_size, compile=False)
        history = learn(network, network.task, examples, None, recipe=recipe, budget=self._budget, seed=seed)
        return max(1, round(history.epochs))


def _divided(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Training and validation rows of a race; None where there are too few examples to choose by."""
    if len(dataset) < FEWEST:
        return None
    try:
        return draw_rows(dataset, np.arange(len(dataset)), VAL, seed)
    except DataError:
        return None
