"""Training: one loop, its recipe and budget, exact resuming, several processes, and heads solved at once."""

from bicameral.training.budgets import Budget
from bicameral.training.callbacks import Callback, EarlyStopping, TensorBoard
from bicameral.training.closed_form import solve
from bicameral.training.history import History
from bicameral.training.learn import is_iterated, learn
from bicameral.training.loop import fit
from bicameral.training.recipe import Recipe, recipe_from_dict
from bicameral.training.seeding import derive, seeded

__all__ = [
    "Budget",
    "Callback",
    "EarlyStopping",
    "History",
    "Recipe",
    "TensorBoard",
    "derive",
    "fit",
    "is_iterated",
    "learn",
    "recipe_from_dict",
    "seeded",
    "solve",
]
