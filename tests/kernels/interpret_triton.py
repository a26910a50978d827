"""Run the Triton kernels on a CPU, in Triton's interpreter: for test_triton.py, in a process of its own."""

import torch
from kernels.tolerances import assert_near

from bicameral.kernels.linear_scan import dispatch, reference, triton

SHAPES = [(1, 1, 1), (2, 7, 3), (1, 64, 70), (2, 33, 65), (1, 100, 5)]


def check(b: int, t: int, d: int) -> None:
    torch.manual_seed(b + t + d)
    a, x, h = torch.rand(b, t, d), torch.randn(b, t, d), torch.randn(b, d)
    y, grad = triton.forward(a, x, h), torch.randn(b, t, d)
    exact = reference.linear_scan(a.double(), x.double(), h.double())
    assert_near("linear_scan", [y], [exact])
    wide = (v.double() for v in (a, h, y, grad))
    gradients = dispatch.backward_by(reference.linear_scan, *wide)
    assert_near("linear_scan", triton.backward(a, h, y, grad), gradients)


for shape in SHAPES:
    check(*shape)
