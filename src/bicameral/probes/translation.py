"""Translation: does the trained CNN give the same answer when everything moves a little?"""

from collections.abc import Sequence

from torch import Tensor

from bicameral.data.dataset import Kind
from bicameral.probes.bench import Arm, Bench, Run, outputs
from bicameral.probes.finding import Probe, control, interval, null_interval, verdict
from bicameral.probes.material import Material
from bicameral.probes.measures import centredness
from bicameral.probes.shuffles import shifted

CNN, MLP, MOVED, AGAIN = Arm("cnn"), Arm("mlp"), Arm("cnn", moved=True), Arm("cnn", again=True)
DISTANCE = 1 / 14  # of a side: two pixels of a handwritten digit


def unfit(material: Material) -> str | None:
    """Texts have no space to move in, and a forecast must move with its input."""
    if material.forecasting:
        return "a forecast has to move with its input"
    return "words are not moved, they are put in another order" if material.kind == "text" else None


def arms(_material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return CNN, MLP, MOVED, AGAIN


def measure(bench: Bench) -> Probe:
    """Shift consistency (Zhang, arXiv:1904.11486) against the agreement of answers to other examples.

    Answers can stay although the place decides, where a move is small against what it tells apart. So a CNN
    is also trained and judged on examples moved by up to an eighth: where that costs, position matters.
    """
    cnn, mlp = ([bench.run(arm, replicate) for replicate in range(bench.replicates)] for arm in (CNN, MLP))
    kind = bench.material.kind
    same, control_same = (interval([_consistency(run, kind) for run in runs]) for runs in (cnn, mlp))
    null = interval(_chance(cnn))
    cost, nothing = interval(bench.differences(CNN, MOVED)), null_interval(bench.differences(CNN, AGAIN))
    so = verdict(cost, nothing, bench.learned(CNN), yes="position matters", no="position does not matter")
    sentence = (
        f"moved by a fourteenth, {same} % of the CNN's answers stay (the MLP's {control_same}; "
        f"any two examples agree in {null.effect:.1f}); trained and judged at random places it loses {cost} "
        f"points: {so}"
    )
    return Probe(
        name="translation", **same._asdict(), null_low=null.low, null_high=null.high, unit="%",
        sentence=sentence, refuted=so == "position matters",
        control=control("mlp", control_same), statistic=centredness(bench.material),
    )  # fmt: skip


def _consistency(run: Run, kind: Kind) -> float:
    x = run.judged.x
    still = outputs(run.net, run.judged)
    sides = (x.shape[-2], x.shape[-1]) if kind in ("image", "clip") else (x.shape[1], 0)
    down, right = (max(1, round(side * DISTANCE)) if side else 0 for side in sides)
    moves = {(down, 0), (-down, 0), (0, right), (0, -right)} - {(0, 0)}
    agreed = [
        _agreement(still, outputs(run.net, run.judged._replace(x=shifted(x, kind, move))))
        for move in sorted(moves)
    ]
    return sum(agreed) / len(agreed)


def _chance(runs: Sequence[Run]) -> list[float]:
    """Agreement with the answer to the next example."""
    answers = [outputs(run.net, run.judged) for run in runs]
    return [_agreement(answer, answer.roll(1, 0)) for answer in answers]


def _agreement(a: Tensor, b: Tensor) -> float:
    """Per cent of equal classes; of numbers, the variance that is kept."""
    if a.ndim == 2 and a.shape[1] > 1:
        return 100 * float((a.argmax(-1) == b.argmax(-1)).float().mean())
    spread = float((a - a.mean(0)).square().mean())
    return 100 * max(0.0, 1 - float((a - b).square().mean()) / max(spread, 1e-12))
