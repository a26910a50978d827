"""Memory: how many steps must be seen together before more of them no longer help?"""

from bicameral.probes.bench import Arm, Bench
from bicameral.probes.finding import TELLING, Probe, interval, null_interval, verdict
from bicameral.probes.material import Material
from bicameral.probes.measures import persistence

FULL, AGAIN = Arm("gru"), Arm("gru", again=True)
MOST_CONTEXTS = 4
FEWEST_STEPS = 4


def unfit(material: Material) -> str | None:
    """Only what runs along time can be remembered."""
    if material.kind == "image":
        return "a picture has no order in time"
    steps = material.num_steps
    return None if steps >= FEWEST_STEPS else f"only {steps} steps: nothing to remember"


def contexts(material: Material) -> tuple[int, ...]:
    """Geometric lengths from one step to half of all."""
    longest = material.num_steps // 2
    ratio = longest ** (1 / (MOST_CONTEXTS - 1))
    return tuple(sorted({round(ratio**power) for power in range(MOST_CONTEXTS)}))


def arms(material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return FULL, AGAIN, *(Arm("gru", context=context) for context in contexts(material))


def measure(bench: Bench) -> Probe:
    """What the shortest context costs, and how much context is needed.

    K* lies between the shortest context not shown to be worse than the full one, and the shortest shown to
    be no telling amount worse.
    """
    material, steps = bench.material, bench.material.num_steps
    lengths = contexts(material)
    costs = {length: interval(bench.differences(FULL, Arm("gru", context=length))) for length in lengths}
    null = null_interval(bench.differences(FULL, AGAIN))
    least = min((length for length in lengths if costs[length].low <= 0), default=steps)
    most = min(
        (length for length in lengths if length >= least and costs[length].high < TELLING), default=steps
    )
    cost = costs[lengths[0]]
    so = verdict(cost, null, bench.learned(FULL), yes="memory matters", no="a bag of steps would do")
    how = "seeing only the last" if material.forecasting else "forgetting everything after each"
    so = f"{so}; K* lies between {least} and {most} of {steps} steps"
    return Probe(
        name="memory", **cost._asdict(), null_low=null.low, null_high=null.high,
        sentence=f"{how} step costs the GRU {cost} points: {so}",
        control={"name": "needed steps", "effect": (least * most) ** 0.5, "low": least, "high": most},
        statistic=persistence(material),
    )  # fmt: skip
