"""Batch norm: padding is never counted, one value is no error."""

import pytest
import torch
from torch import nn

from bicameral.nn.norm import BatchNorm, RMSNorm


@pytest.mark.parametrize(("axis", "shape"), [(2, (3, 2, 6)), (3, (3, 2, 4, 6)), (2, (3, 2, 6, 4, 4))])
def test_statistics_are_those_of_the_valid_frames(axis, shape):
    norm, lengths = BatchNorm(2, time_axis=axis), torch.tensor([6, 2, 3])
    x = torch.randn(shape)
    y = norm(x, lengths)
    rows = [x[row].movedim(axis - 1, 0)[:length] for row, length in enumerate(lengths.tolist())]
    valid = torch.cat(rows).movedim(1, -1).flatten(0, -2)
    torch.testing.assert_close(norm.running_mean, 0.1 * valid.mean(0))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * valid.var(0))
    normed = (x[1].movedim(axis - 1, 0)[:2].movedim(1, -1) - valid.mean(0)) / (
        valid.var(0, correction=0) + 1e-5
    ).sqrt()
    torch.testing.assert_close(y[1].movedim(axis - 1, 0)[:2].movedim(1, -1), normed)
    assert not y[1].movedim(axis - 1, 0)[2:].any()


def test_without_lengths_it_is_torchs():
    ours, theirs, x = BatchNorm(3), nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_one_value_uses_the_running_statistics():
    norm = BatchNorm(3).train()
    x = torch.randn(1, 3, 1)
    torch.testing.assert_close(norm(x), x / (1 + 1e-5) ** 0.5)
    assert norm.running_mean.tolist() == [0, 0, 0]


def test_rms_norm_keeps_its_precision_under_autocast():
    norm, x = RMSNorm(64), torch.randn(4, 64)
    with torch.autocast("cpu", torch.bfloat16):
        y = norm(x.bfloat16())
    exact = x.bfloat16().float()
    torch.testing.assert_close(y, exact / (exact.square().mean(-1, keepdim=True) + 1e-6).sqrt())
