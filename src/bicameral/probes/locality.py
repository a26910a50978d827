"""Locality: does it cost anything to permute what lies side by side, once and for all?"""

from bicameral.probes.bench import Arm, Bench
from bicameral.probes.finding import Probe, control, verdict
from bicameral.probes.material import Material
from bicameral.probes.measures import closeness

CNN, PERMUTED, AGAIN = Arm("cnn"), Arm("cnn", "neighbours"), Arm("cnn", "neighbours", True)
MLP, MLP_PERMUTED = Arm("mlp"), Arm("mlp", "neighbours")
WHAT = {
    "image": "the pixels",
    "clip": "the pixels of every frame",
    "sound": "the bands and steps",
    "text": "the words",
}
FEWEST_PLACES = 8


def unfit(material: Material) -> str | None:
    """A handful of places has no neighbourhoods."""
    places = material.train.x[0, 0].numel() if material.kind in ("image", "clip") else material.num_steps
    return None if places >= FEWEST_PLACES else f"only {places} places: too few for neighbourhoods"


def arms(_material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return CNN, PERMUTED, AGAIN, MLP, MLP_PERMUTED


def measure(bench: Bench) -> Probe:
    """What one fixed permutation costs the CNN, and the MLP, which cannot notice."""
    cost, null = bench.cost(CNN, PERMUTED), bench.null(PERMUTED, AGAIN)
    mlp = bench.cost(MLP, MLP_PERMUTED)
    what = WHAT.get(bench.material.kind, "the steps")
    so = verdict(
        cost,
        null,
        bench.learned(CNN),
        yes="neighbourhoods matter",
        no="convolution has no claim from neighbourhoods",
    )
    sentence = f"permuting {what} costs the CNN {cost} points, the MLP {mlp}: {so}"
    return Probe(
        name="locality", **cost._asdict(), null_low=null.low, null_high=null.high, sentence=sentence,
        control=control("mlp", mlp), statistic=closeness(bench.material),
    )  # fmt: skip
