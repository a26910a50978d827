"""What anybody could have answered, beside what a model answers."""

from typing import Any

from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.training.budgets import Budget
from bicameral.training.contestants import contestants, kind_of
from bicameral.training.leading import merit
from bicameral.training.learn import learn
from bicameral.training.prepare import Ready
from bicameral.training.recipe import Recipe


def yardstick(found: Ready) -> dict[str, Any]:
    """The best trivial model by the validation part, and its headline metric on the test part."""
    draw = found.draw
    entered = contestants(kind_of(found.problem.raw, draw.preprocessing.layout))
    known = [_answered(found, contestant.model) for contestant in entered if contestant.way == "trivial"]
    if not known:
        return {}
    network = max(known, key=lambda pair: pair[0])[1]
    output, y = answer(network, draw.judged)
    assert y is not None
    value = draw.task.headline.score(draw.task.score(output.float(), y))
    return {"yardstick": network.entry.name, f"yardstick test {draw.task.metric}": round(value, 6)}


def _answered(found: Ready, model: str) -> tuple[tuple[float, float], Network]:
    """Merit on the validation part, and the network."""
    draw = found.draw
    network = Network(draw.preprocessing.layout, draw.task, model)
    learn(network, draw.task, draw.train, None, recipe=Recipe(), budget=Budget(steps=1), seed=0)
    output, y = answer(network, draw.val)
    assert y is not None
    return merit(draw.task, output, y), network.eval()
