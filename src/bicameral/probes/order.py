"""Order: does it cost anything to shuffle the steps of every example afresh?"""

from bicameral.probes.bench import Arm, Bench
from bicameral.probes.finding import Probe, control, verdict
from bicameral.probes.material import Material
from bicameral.probes.measures import orderliness

GRU, FRESH, AGAIN, FIXED = Arm("gru"), Arm("gru", "fresh"), Arm("gru", "fresh", True), Arm("gru", "fixed")
BAG, BAG_FRESH = Arm("bag"), Arm("bag", "fresh")
FEWEST_STEPS = 3


def unfit(material: Material) -> str | None:
    """Only what runs along time has an order."""
    if material.kind == "image":
        return "a picture has no order in time"
    steps = material.num_steps
    return None if steps >= FEWEST_STEPS else f"only {steps} steps: too few to have an order"


def arms(_material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return GRU, FRESH, AGAIN, FIXED, BAG, BAG_FRESH


def measure(bench: Bench) -> Probe:
    """What fresh shuffles cost the GRU, and the bag of steps, which cannot notice."""
    cost, null = bench.cost(GRU, FRESH), bench.null(FRESH, AGAIN)
    bag, fixed = bench.cost(BAG, BAG_FRESH), bench.cost(GRU, FIXED)
    so = verdict(cost, null, bench.learned(GRU), yes="order matters", no="recurrence has no claim from order")
    sentence = (
        f"shuffling the steps costs the GRU {cost} points (one fixed permutation {fixed}), "
        f"the bag of steps {bag}: {so}"
    )
    return Probe(
        name="order", **cost._asdict(), null_low=null.low, null_high=null.high, sentence=sentence,
        control=control("bag of steps", bag), statistic=orderliness(bench.material),
    )  # fmt: skip
