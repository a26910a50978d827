"""h_t = a_t h_{t-1} + x_t over whole sequences, with gradients that are scans themselves."""

from jaxtyping import Inexact
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.kernel import Kernel
from bicameral.kernels.linear_scan import dispatch, reference


def linear_scan(
    a: Inexact[Tensor, "b t d"], x: Inexact[Tensor, "b t d"], h: Inexact[Tensor, "b d"]
) -> Inexact[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + x_t, from the state `h` before the first frame; |a| <= 1.

    Real or complex. Where a_t is 0 the sequence starts anew.
    """
    return reference.linear_scan(a, x, h) if native.must_be_plain() else _kernel(a, x, h)


_kernel = Kernel(
    "linear_scan",
    "Tensor a, Tensor x, Tensor h",
    dispatch.forward,
    dispatch.backward,
    saved=("a", "h"),
    double_backward=lambda a, h, y, grad: dispatch.backward_by(linear_scan, a, h, y, grad),
)
