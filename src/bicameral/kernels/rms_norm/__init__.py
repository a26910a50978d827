"""RMS normalisation (Zhang and Sennrich 2019, arXiv 1910.07467); no second derivatives on the native path."""

from jaxtyping import Float
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.kernel import Kernel
from bicameral.kernels.rms_norm import cpu, reference

_kernel = Kernel("rms_norm", "Tensor x, Tensor weight", cpu.forward, cpu.backward, saved=("x", "weight"))


def rms_norm(x: Float[Tensor, "*b d"], weight: Float[Tensor, "d"]) -> Float[Tensor, "*b d"]:
    """Return x / √(mean of x² + 1e-6) ⊙ weight, the mean over the last axis."""
    if native.must_be_plain() or not native.serves(x, weight):
        return reference.rms_norm(x, weight)
    return _kernel(x, weight)
