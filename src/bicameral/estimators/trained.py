"""What the estimators share: one network, trained on everything it is given."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from bicameral.artifact import Artifact
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.problems.options import asked_of
from bicameral.tasks.network import Network
from bicameral.training.budgets import Budget
from bicameral.training.learn import learn
from bicameral.training.recipe import Recipe
from bicameral.training.seeding import seeded


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

    def _train(self, dataset: Dataset, model: str, options: Mapping[str, Any] | None = None) -> None:
        rows = np.arange(len(dataset))
        preprocessing = fit_preprocessing(dataset, rows)
        posed, asked = asked_of(dataset, options)
        task = posed.fitted(dataset, rows, preprocessing, asked)
        seed = int(check_random_state(self.random_state).randint(2**31))
        with seeded(seed):
            network = Network(preprocessing.layout, task, model, self.overrides)
        self.n_iter_ = self._learn(network, Prepared(dataset, preprocessing, rows), seed)
        network.double()  # so that an answer does not depend on the batch it was computed in
        self.artifact_ = Artifact(network, preprocessing, task, {"data": dataset.name, "seed": seed})

    def _learn(self, network: Network, examples: Prepared, seed: int) -> int:
        """Train and return the number of epochs."""
        recipe = Recipe(learning_rate=self.learning_rate, batch_size=self.batch_size, compile=False)
        seconds, epochs = self.budget_seconds, self.max_iter
        budget = Budget(epochs=epochs) if seconds is None else Budget(seconds=seconds)
        history = learn(network, network.task, examples, None, recipe=recipe, budget=budget, seed=seed)
        return max(1, round(history.epochs))
