"""MultiRocket + Hydra: what is pooled and counted, frame by frame, against numpy."""

import numpy as np
import pytest
import torch

from bicameral.models.multi_rocket_hydra import MultiRocketHydra, MultiRocketHydraConfig, pool
from bicameral.nn.hydra import HydraKernels
from bicameral.nn.stretch import stretched


def longest_run(above):
    best = run = 0
    for up in above:
        run = run + 1 if up else 0
        best = max(best, run)
    return best


def test_pooled_by_hand():
    rng = np.random.default_rng(0)
    response = rng.normal(size=(2, 3, 20))
    counted = np.zeros((2, 3, 20), bool)
    counted[:, 0], counted[:, 1, 3:17], counted[:, 2, :11] = True, True, True
    biases = np.array([[-0.5, 0.4], [0.0, 9.0], [0.2, 1.0]])
    found = pool(*map(torch.from_numpy, (response, counted, biases))).view(2, 3, 4, 2)
    for b, k, m in np.ndindex(2, 3, 2):
        frames = response[b, k, counted[b, k]]
        above = frames > biases[k, m]
        expected = [
            above.mean(),
            (frames[above] - biases[k, m]).mean() if above.any() else 0,
            np.flatnonzero(above).mean() / len(frames) if above.any() else -1,
            longest_run(above) / len(frames),
        ]
        np.testing.assert_allclose(found[b, k, :, m], expected, atol=1e-12)


def test_hydra_by_hand():
    torch.manual_seed(0)
    hydra, x = HydraKernels(20, 1, 3, 4).double(), torch.randn(1, 20, 1, dtype=torch.float64)
    found = hydra(x).square().view(2, 2, 3, 4)
    for level, dilation in enumerate(hydra.dilations):
        series = np.pad(x[0, :, 0].numpy(), 4 * dilation)
        for group in range(3):
            weights = hydra.weights[level].view(3, 4, 9)[group].numpy()
            response = np.array(
                [[w @ series[t : t + 9 * dilation : dilation] for w in weights] for t in range(20)]
            )
            for kernel in range(4):
                won = response[response.argmax(1) == kernel, kernel].sum() / 20
                lost = (response.argmin(1) == kernel).mean()
                assert found[level, 0, group, kernel].item() == pytest.approx(max(won, 0))
                assert found[level, 1, group, kernel].item() == pytest.approx(lost)


def test_stretching_keeps_ends_and_straight_lines():
    x = torch.arange(7.0).repeat(2, 1)[..., None]
    y = stretched(x, torch.tensor([7, 3]), 13)[..., 0]
    assert torch.allclose(y[0], torch.linspace(0, 6, 13))
    assert torch.allclose(y[1], torch.linspace(0, 2, 13))


def test_level_spread_and_length_are_a_tenth_of_the_rest():
    torch.manual_seed(0)
    model = MultiRocketHydra((30, 2), MultiRocketHydraConfig(num_kernels=84, num_groups=2)).double()
    x = torch.randn(4, 30, 2, dtype=torch.float64)
    model.prepare(x)
    found = model(x)
    expected = np.concatenate([x.numpy().mean(1), x.numpy().std(1), np.full((4, 1), np.log(30))], 1)
    plain = model.times * 5
    assert plain == pytest.approx(0.1 * (found.shape[1] - plain), abs=2.5)
    np.testing.assert_allclose(found[:, -plain:], np.tile(expected, model.times))


def test_rows_of_any_length_are_those_rows_stretched():
    torch.manual_seed(0)
    model = MultiRocketHydra((30, 2), MultiRocketHydraConfig(num_kernels=84, num_groups=2)).double()
    x, lengths = torch.randn(3, 24, 2, dtype=torch.float64), torch.tensor([24, 5, 9])
    model.prepare(x, lengths)
    found, whole = model(x, lengths), model(stretched(x, lengths, 30))
    rest = found.shape[1] - 5 * model.times
    torch.testing.assert_close(found[:, :rest], whole[:, :rest])
    torch.testing.assert_close(found[:, -1], lengths.double().log())
    assert model(x)[0, -1].item() == pytest.approx(np.log(24))
