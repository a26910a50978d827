"""Memory: how many steps must be seen together before more of them no longer help?"""

from bicameral.probes.bench import Arm, Bench
from bicameral.probes.finding import TELLING, Probe, verdict
from bicameral.probes.material import Material
from bicameral.probes.measures import persistence

FEWEST_STEPS = 4


def unfit(material: Material) -> str | None:
    """Say why, where nothing runs along time."""
    if material.kind == "image":
        return "a picture has no order in time"
    steps = material.num_steps
    return None if steps >= FEWEST_STEPS else f"only {steps} steps: nothing to remember"


def contexts(material: Material) -> tuple[int, ...]:
    """Windows of one step, two, four, ... shorter than an example."""
    return tuple(2**power for power in range((material.num_steps - 1).bit_length()))


def arms(material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return *_whole(material), *(Arm("window", context=context) for context in contexts(material))


def measure(bench: Bench) -> Probe:
    """What a window of one step costs against one that sees all, and how wide it has to be.

    K* lies above the widest window that is surely worse than the whole, and not above the narrowest one from
    which on none is worse by a telling amount.
    """
    material, steps = bench.material, bench.material.num_steps
    full, again = _whole(material)
    lengths = contexts(material)
    costs = {length: bench.cost(full, Arm("window", context=length)) for length in lengths}
    null = bench.null(full, again)
    worse = [length for length in lengths if costs[length].low > 0 and costs[length].effect > null.high]
    least = max(worse, default=0) + 1
    enough = [length for length in lengths if length >= least and costs[length].high < TELLING]
    most = min(enough, default=steps)
    cost = costs[lengths[0]]
    so = verdict(cost, null, bench.learned(full), yes="memory matters", no="a bag of steps would do")
    how = "seeing only the last step" if material.forecasting else "seeing each step alone"
    so = f"{so}; K* lies between {least} and {most} of {steps} steps"
    return Probe(
        name="memory", **cost._asdict(), null_low=null.low, null_high=null.high,
        sentence=f"{how} costs {cost} points against all together: {so}",
        control={"name": "needed steps", "effect": (least * most) ** 0.5, "low": least, "high": most},
        statistic=persistence(material),
    )  # fmt: skip


def _whole(material: Material) -> tuple[Arm, Arm]:
    steps = material.num_steps
    return Arm("window", context=steps), Arm("window", context=steps, again=True)
