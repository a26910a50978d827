"""h_t = max(0, u h_{t-1} + x_t) over whole sequences. The native path has no second derivatives."""

from jaxtyping import Float
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.kernel import Kernel
from bicameral.kernels.relu_scan import cpu, reference

_kernel = Kernel("relu_scan", "Tensor u, Tensor x, Tensor h", cpu.forward, cpu.backward, saved=("u", "h"))


def relu_scan(
    u: Float[Tensor, "d"], x: Float[Tensor, "b t d"], h: Float[Tensor, "b d"]
) -> Float[Tensor, "b t d"]:
    """Return every h_t = max(0, u h_{t-1} + x_t), from the state `h` before the first frame."""
    if native.must_be_plain() or not native.serves(u, x, h):
        return reference.relu_scan(u, x, h)
    return _kernel(u, x, h)
