"""Scale of view: how wide is the neighbourhood that one place of the trained CNN's map listens to?"""

import torch
from torch import Tensor

from bicameral.probes.bench import Arm, Bench
from bicameral.probes.finding import Probe
from bicameral.probes.material import Material, Sample
from bicameral.probes.nets import CNN

TRAINED = Arm("cnn")
SHARE, ROWS = 0.95, 64
FEWEST_PLACES = 8


def unfit(material: Material) -> str | None:
    """Needs a map wider than a kernel."""
    places = max(material.train.x.shape[-2:]) if material.kind in ("image", "clip") else material.num_steps
    return None if places >= FEWEST_PLACES else f"only {places} places: one kernel sees them all"


def arms(_material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return (TRAINED,)


def measure(bench: Bench) -> Probe:
    """Radius that holds 95 % of the effective receptive field (Luo et al. 2016, arXiv:1701.04128)."""
    radius, null = bench.beside_untrained(TRAINED, _radius)
    unit = "pixels" if bench.material.kind in ("image", "clip") else "steps"
    sentence = (
        f"95 % of what a place of the map listens to lies within {radius.effect:.1f} {unit} "
        f"[{radius.low:.1f}, {radius.high:.1f}] (untrained {null.effect:.1f})"
    )
    return Probe(
        name="scale of view", **radius._asdict(), null_low=null.low, null_high=null.high, unit=unit,
        sentence=sentence,
    )  # fmt: skip


def _radius(net: torch.nn.Module, judged: Sample) -> float:
    assert isinstance(net, CNN)
    weight, distance = _field(net, judged)
    order = distance.argsort()
    share = weight[order].cumsum(0) / weight.sum().clamp(min=1e-12)
    return float(distance[order][int((share < SHARE).sum().clamp(max=len(order) - 1))])


def _field(net: CNN, judged: Sample) -> tuple[Tensor, Tensor]:
    """Mean |∂ centre / ∂ x| of every place, and its distance from the middle of the field."""
    part = judged.rows(torch.arange(min(ROWS, len(judged.x))))
    x = net.embedding(part.x).detach()
    x = (x.flatten(0, 1)[:ROWS] if net.kind == "clip" else x).requires_grad_()
    with torch.enable_grad():
        maps = net.maps(x)
        centre = maps[(..., *(size // 2 for size in maps.shape[2:]))]
        (gradient,) = torch.autograd.grad(centre.sum(), x)
    weight = _by_place(gradient.abs(), net)
    axes = torch.meshgrid(*(torch.arange(size, dtype=torch.float) for size in weight.shape), indexing="ij")
    total = weight.sum().clamp(min=1e-12)
    squares = [(axis - (axis * weight).sum() / total) ** 2 for axis in axes]
    return weight.flatten(), torch.stack(squares).sum(0).sqrt().flatten()


def _by_place(gradient: Tensor, net: CNN) -> Tensor:
    """Mean over examples and over channels, or over the bands of a sound: (h w) or (t)."""
    return gradient.mean((0, 1)) if net.kind in ("image", "clip") else gradient.mean((0, 2))
