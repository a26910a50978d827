"""Trainable memory: how far back does the gradient of a trained GRU reach?"""

import torch
from torch import Tensor

from bicameral.nn.masking import last_valid
from bicameral.probes.bench import Arm, Bench
from bicameral.probes.finding import Probe
from bicameral.probes.material import Material, Sample
from bicameral.probes.memory import unfit
from bicameral.probes.nets import GRU

__all__ = ["arms", "measure", "unfit"]

TRAINED = Arm("gru")
SHARE = 0.95
ROWS = 64


def arms(_material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return (TRAINED,)


def measure(bench: Bench) -> Probe:
    """Steps back from the last state that hold 95 % of its gradient, after training and before."""
    reach, null = bench.beside_untrained(TRAINED, _reach)
    sentence = (
        f"95 % of the gradient of the last state lies within {reach.effect:.0f} steps "
        f"[{reach.low:.0f}, {reach.high:.0f}] of {bench.material.num_steps} (untrained {null.effect:.0f})"
    )
    return Probe(
        name="trainable memory", **reach._asdict(), null_low=null.low, null_high=null.high, unit="steps",
        sentence=sentence,
    )  # fmt: skip


def _reach(net: torch.nn.Module, judged: Sample) -> float:
    assert isinstance(net, GRU)
    part = judged.rows(torch.arange(min(ROWS, len(judged.x))))
    norms = _norms(net, part)
    share = norms.cumsum(0) / norms.sum()
    return float((share < SHARE).sum() + 1)


def _norms(net: GRU, part: Sample) -> Tensor:
    """Mean norm of ∂(last state)/∂x by distance from the last valid step."""
    x = net.embedding(part.x).flatten(2).detach().requires_grad_()
    with torch.enable_grad():
        last = last_valid(net.cell(x)[0], part.lengths)
        generator = torch.Generator().manual_seed(0)
        direction = torch.randn(last.shape, generator=generator)
        (gradient,) = torch.autograd.grad((last * direction).sum(), x)
    norms = gradient.norm(dim=2)
    return norms.flip(1).mean(0) if part.lengths is None else _aligned(norms, part.lengths)


def _aligned(norms: Tensor, lengths: Tensor) -> Tensor:
    """Count distances from each row's own end."""
    back = lengths[:, None] - 1 - torch.arange(norms.shape[1])
    inside = back >= 0
    total = torch.zeros(norms.shape[1]).index_add(0, back[inside], norms[inside])
    return total / len(norms)
